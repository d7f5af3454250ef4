// Slack's markup as nodes: bold, italic, strike, code, quotes, links, mentions, dates, emoji.

import { el, link } from "./dom.js";
import { emojied, words } from "./emoji.js";
import { channel, group, person, show, store } from "./store.js";

const escapes = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
const decode = (text) => text.replace(/&(amp|lt|gt);/g, (found) => escapes[found]);

/** A text with all its lines. */
export function mrkdwn(text) {
  const root = document.createDocumentFragment();
  for (const [index, part] of text.split("```").entries()) {
    const open = index % 2 === 1;
    if (open) root.append(el("pre", {}, decode(part.replace(/^\n/, "").replace(/\n$/, ""))));
    else lines(root, part.replace(/^\n(?=.)/, index ? "" : "\n"));
  }
  return root;
}

function lines(root, text) {
  let quote = null;
  const all = text.split("\n");
  all.forEach((line, index) => {
    const quoted = /^(&gt;|>) ?/.exec(line);
    if (quoted) {
      quote ??= root.appendChild(el("blockquote"));
      if (quote.childNodes.length) quote.append(el("br"));
      inline(quote, line.slice(quoted[0].length));
      return;
    }
    inline(root, line);
    const last = index === all.length - 1;
    if (!last && !(quote && line === "")) root.append(el("br"));
    quote = null;
  });
}

// A style opens after a space or punctuation, closes before one, and contains no line break.
const styles = { "*": "strong", _: "em", "~": "del" };
const token = /<([^<>]+)>|`([^`\n]+)`|:([a-z0-9_+-]+):|https?:\/\/[^\s<>|]*[^\s<>|.,;:!?)\]'"]|([*_~])(?=\S)/g;

function inline(root, text) {
  let rest = 0;
  token.lastIndex = 0;
  const plain = (to) => to > rest && root.append(words(decode(text.slice(rest, to))));
  for (let found = token.exec(text); found; found = token.exec(text)) {
    const node = make(text, found);
    if (!node) continue;
    plain(found.index);
    root.append(node.node);
    rest = node.end ?? token.lastIndex;
    token.lastIndex = rest;
  }
  plain(text.length);
}

function make(text, found) {
  const [whole, entity, code, name, mark] = found;
  if (entity) return { node: reference(entity) };
  if (code) return { node: el("code", {}, decode(code)) };
  if (name) return emojied(whole) === whole ? null : { node: words(whole) };
  if (!mark) return { node: link(decode(whole), decode(whole)) };
  const before = text[found.index - 1];
  if (before && /[\p{L}\p{N}]/u.test(before)) return null;
  const close = new RegExp(`\\S[${mark}](?![\\p{L}\\p{N}])`, "u").exec(text.slice(found.index + 1));
  if (!close) return null;
  const inner = text.slice(found.index + 1, found.index + 1 + close.index + 1);
  const node = el(styles[mark]);
  const resume = token.lastIndex;
  inline(node, inner);
  token.lastIndex = resume;
  return { node, end: found.index + 1 + inner.length + 1 };
}

function reference(entity) {
  const bar = entity.indexOf("|");
  const target = decode(bar < 0 ? entity : entity.slice(0, bar));
  const label = bar < 0 ? "" : decode(entity.slice(bar + 1));
  if (target.startsWith("@")) return mention(target.slice(1), label);
  if (target.startsWith("#")) return channelLink(target.slice(1), label);
  if (target.startsWith("!date^")) return moment(target, label);
  if (target.startsWith("!subteam^")) return groupMention(target.slice("!subteam^".length), label);
  if (target.startsWith("!")) return el("span.mention.me", {}, label || `@${target.slice(1).split("^")[0]}`);
  if (!/^(https?|mailto):/.test(target)) return document.createTextNode(`<${target}>`);
  return link(target, label || target.replace(/^mailto:/, ""));
}

export function mention(id, label = "") {
  const who = person(id);
  return el(`span.mention${id === store.me ? ".me" : ""}`, { title: who.real_name }, `@${label || who.name}`);
}

export function groupMention(id, label = "") {
  const known = group(id);
  const me = known?.users.includes(store.me) ? ".me" : "";
  return el(`span.mention${me}`, { title: known?.real_name ?? id }, label || `@${known?.name ?? id}`);
}

export function channelLink(id, label = "") {
  const name = `#${label || (channel(id)?.name ?? id)}`;
  return el("button.mention", { type: "button", onclick: () => show(id) }, name);
}

function moment(target, fallback) {
  const [, seconds, format = "", url] = target.split("^");
  const when = new Date(Number(seconds) * 1000);
  if (Number.isNaN(when.getTime())) return document.createTextNode(fallback);
  const node = el("time", { datetime: when.toISOString(), title: when.toLocaleString() }, formatted(when, format));
  return url ? link(url, node) : node;
}

/** Slack's date tokens, in the reader's own time zone. */
export function formatted(when, format) {
  const on = (options) => when.toLocaleDateString([], options);
  const at = (options) => when.toLocaleTimeString([], options);
  const near = (otherwise) => {
    const days = Math.round((new Date().setHours(12, 0, 0, 0) - new Date(when).setHours(12, 0, 0, 0)) / 86_400_000);
    return { 0: "today", 1: "yesterday", [-1]: "tomorrow" }[days] ?? otherwise;
  };
  const long = { weekday: "long", year: "numeric", month: "long", day: "numeric" };
  const date = { year: "numeric", month: "long", day: "numeric" };
  const short = { year: "numeric", month: "short", day: "numeric" };
  const made = {
    date_num: () => when.toISOString().slice(0, 10),
    date: () => on(date), date_short: () => on(short), date_long: () => on(long),
    date_pretty: () => near(on(date)), date_short_pretty: () => near(on(short)), date_long_pretty: () => near(on(long)),
    time: () => at({ hour: "numeric", minute: "2-digit" }),
    time_secs: () => at({ hour: "numeric", minute: "2-digit", second: "2-digit" }),
    ago: () => ago(when),
  };
  return format.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(made, name) ? made[name]() : whole));
}

function ago(when) {
  const seconds = Math.round((when.getTime() - Date.now()) / 1000);
  const units = [["day", 86_400], ["hour", 3_600], ["minute", 60]];
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return new Intl.RelativeTimeFormat([], { numeric: "auto" }).format(Math.trunc(seconds / size), unit);
}
