// The messages of a channel and of a thread. A node is made again only when its message changes.

import { avatar, clock, date, day, el, keep, patch } from "./dom.js";
import { blocks } from "./blocks.js";
import { channel, changed, person, replies, show, store } from "./store.js";
import { emojied, sign, words } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";
import { welcome } from "./welcome.js";

const together = 5 * 60;
const hidden = new Set();
const pending = new Map();

/** Shows a command that has no answer yet. Returns a function that removes the line. */
export function waiting(text) {
  const key = Symbol(text);
  pending.set(key, { text, channel: store.channel });
  changed("view");
  return () => {
    pending.delete(key);
    changed("view");
  };
}

const shown = (message) => !hidden.has(message.ts) && (!message.deleted || replies(message.ts).length > 0);

/** Draws the current channel. */
export function drawChannel(log) {
  const stick = log.dataset.channel !== store.channel || atEnd(log);
  const all = [...store.messages.values()]
    .filter((m) => m.channel === store.channel && (!m.thread_ts || m.broadcast) && shown(m))
    .sort((a, b) => (a.ts < b.ts ? -1 : 1));
  const waits = [...pending.values()].filter((line) => line.channel === store.channel);
  patch(log, [welcome(channel(store.channel)), ...list(all, "channel"), ...waits.map(pendingLine)]);
  log.dataset.channel = store.channel;
  if (stick) toEnd(log);
  return stick;
}

/** Draws the current thread; false if there is none. */
export function drawThread(log) {
  const root = store.messages.get(store.thread);
  if (!root) return false;
  const stick = log.dataset.thread !== store.thread || atEnd(log);
  const all = [...store.messages.values()]
    .filter((message) => message.thread_ts === root.ts && shown(message))
    .sort((a, b) => (a.ts < b.ts ? -1 : 1));
  const count = all.length === 1 ? "1 reply" : `${all.length} replies`;
  patch(log, [
    node(root, "root", false),
    el("p.count", {}, all.length ? count : "No replies yet"),
    ...all.map((message, index) => node(message, "thread", follows(all[index - 1], message))),
  ]);
  log.dataset.thread = store.thread;
  if (stick) toEnd(log);
  return true;
}

const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 80;
export const toEnd = (log) => (log.scrollTop = log.scrollHeight);

function list(all, place) {
  const nodes = [];
  all.forEach((message, index) => {
    const before = all[index - 1];
    const today = day(date(message.ts));
    const fresh = !before || day(date(before.ts)) !== today;
    if (fresh) nodes.push(keep(`day ${message.ts}`, today, () => el("div.day", { role: "separator" }, el("span", {}, today))));
    nodes.push(node(message, place, !fresh && follows(before, message)));
  });
  return nodes;
}

/** Whether a message appears under the name of the message before it. */
function follows(before, message) {
  return Boolean(before) && before.user === message.user && !before.to === !message.to && !message.broadcast &&
    !before.broadcast && date(message.ts) - date(before.ts) < together * 1000;
}

function node(message, place, compact) {
  const answers = place === "channel" && !message.thread_ts ? replies(message.ts) : [];
  const root = place === "channel" && message.thread_ts ? store.messages.get(message.thread_ts) : null;
  const state = JSON.stringify([message, compact, answers.map((m) => m.ts), root?.text, store.me]);
  return keep(`${place} ${message.ts}`, state, (old) => {
    const fresh = draw(message, place, compact, answers, root);
    fresh.dataset.edits = message.edits;
    if (old && old.dataset.edits !== fresh.dataset.edits) fresh.classList.add("changed");
    return fresh;
  });
}

function draw(message, place, compact, answers, root) {
  const who = person(message.user);
  const when = date(message.ts);
  const stamp = el("time", { datetime: when.toISOString(), title: when.toLocaleString() }, clock(message.ts));
  const dismiss = () => {
    hidden.add(message.ts);
    changed("view");
  };
  const kinds = [compact && ".compact", message.blocks.length > 0 && ".rich", message.to && ".ephemeral", message.user === "USLACKBOT" && ".slackbot"];
  return el(`article.message${kinds.filter(Boolean).join("")}`,
    { id: place === "channel" ? `m${message.ts}` : null, "data-ts": message.ts, "aria-label": `${who.real_name}, ${clock(message.ts)}` },
    el("div.gutter", {}, compact ? stamp.cloneNode(true) : avatar(who)),
    el("div.content", {},
      message.to && el("p.note", {}, sign("👁"), " Only visible to you"),
      root && el("p.note", {}, "replied to a thread: ",
        el("button.quiet", { type: "button", onclick: () => show(store.channel, root.ts) }, words(snippet(root)))),
      !compact && el("p.byline", {}, el("strong", {}, who.real_name), who.bot && el("span.badge", {}, "APP"), stamp, edited(message)),
      body(message, compact),
      place === "channel" && answers.length > 0 && summary(message, answers),
      message.to && el("button.quiet.dismiss", { type: "button", onclick: dismiss }, "Dismiss message"),
      place === "channel" && !message.to && !message.thread_ts &&
        el("button.reply", { type: "button", title: "Reply in thread", "aria-label": `Reply in thread to ${who.real_name}`,
          onclick: () => show(store.channel, message.ts) }, sign("💬"))));
}

function body(message, compact) {
  if (message.deleted) return el("p.note", {}, "This message was deleted.");
  const mark = compact && edited(message);
  if (message.blocks.length === 0) return el("div.text", {}, mrkdwn(message.text), mark && " ", mark);
  return el("div.blocks", {}, blocks(message), mark);
}

const edited = (message) =>
  message.edits > 0 && el("span.edited", { title: `Edited ${message.edits === 1 ? "once" : `${message.edits} times`}` }, "(edited)");

function snippet(message) {
  const words = emojied(message.text.replace(/<[^|>]*\|([^>]*)>/g, "$1").replace(/[*`<>]/g, ""));
  return words.length > 70 ? `${[...words].slice(0, 70).join("")}…` : words;
}

function summary(message, answers) {
  const faces = [...new Set(answers.map((answer) => answer.user))].slice(0, 4);
  const count = answers.length === 1 ? "1 reply" : `${answers.length} replies`;
  return el("button.thread-link", { type: "button", onclick: () => show(store.channel, message.ts) },
    faces.map((id) => avatar(person(id), ".small")),
    el("strong", {}, count),
    el("span.last", {}, `Last reply at ${clock(answers.at(-1).ts)}`));
}

function pendingLine(line) {
  return el("article.message.pending", { role: "status" },
    el("div.gutter", {}, avatar(person(store.me))),
    el("div.content", {},
      el("p.byline", {}, el("strong", {}, person(store.me).real_name)),
      el("p.text", {}, el("code", {}, line.text), el("span.spinner", { "aria-hidden": "true" }),
        el("span.edited", {}, "waiting for an answer"))));
}
