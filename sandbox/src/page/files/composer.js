// The message field: commands with hints, history with ↑, plain messages. One for the channel, one for a thread.

import { el } from "./dom.js";
import { hints, history, remember } from "./hints.js";
import { waiting } from "./messages.js";
import { changed, channel, command, say, slackbot, store } from "./store.js";
import { tick } from "./welcome.js";

let count = 0;

/** Makes a message field. `thread()` is the thread that it writes to, or null. */
export function composer(id, thread = () => null) {
  const list = `hints-${++count}`;
  const input = el("textarea", {
    id, rows: "1", autocomplete: "off", spellcheck: "false", role: "combobox", "aria-expanded": "false",
    "aria-controls": list, "aria-autocomplete": "list", "aria-label": thread() ? "Reply" : "Message or slash command",
  });
  const popup = el("ul.hints", { id: list, role: "listbox", "aria-label": "Suggestions", hidden: true });
  const usage = el("p.usage", { "aria-live": "polite", hidden: true });
  const send = el("button.send", { type: "button", "aria-label": "Send", title: "Send (Enter)" }, "➤");
  const box = el("div.composer", {}, popup, usage, el("div.field-row", {}, input, send));
  const state = { items: [], at: 0, closed: false, back: 0, draft: "" };

  const set = (text, caret = text.length) => {
    input.value = text;
    input.setSelectionRange(caret, caret);
    refresh();
  };

  function refresh() {
    input.style.height = "auto";
    input.style.height = `${Math.min(input.scrollHeight, 180)}px`;
    const found = thread() ? { items: [], usage: null } : hints(input.value, input.selectionStart);
    state.items = state.closed ? [] : found.items;
    state.at = Math.min(state.at, Math.max(0, state.items.length - 1));
    drawPopup();
    usage.hidden = !found.usage;
    if (found.usage) drawUsage(usage, found.usage);
    send.disabled = input.value.trim() === "";
  }

  function drawPopup() {
    const open = state.items.length > 0;
    popup.hidden = !open;
    input.setAttribute("aria-expanded", String(open));
    popup.replaceChildren(...state.items.map((item, index) =>
      el("li", {
        id: `${list}-${index}`, role: "option", "aria-selected": String(index === state.at),
        onmousedown: (event) => event.preventDefault(), onclick: () => pick(index),
      }, el("strong", {}, item.label), " ", el("span.hint", {}, item.hint), item.what && el("span.what", {}, item.what))));
    if (open) input.setAttribute("aria-activedescendant", `${list}-${state.at}`);
    else input.removeAttribute("aria-activedescendant");
    popup.children[state.at]?.scrollIntoView({ block: "nearest" });
  }

  function pick(index) {
    const made = state.items[index].apply(input.value);
    state.at = 0;
    set(made.text, made.caret);
    input.focus();
  }

  function browse(step) {
    const all = history();
    const next = state.back + step;
    if (next < 0 || next > all.length) return;
    if (state.back === 0) state.draft = input.value;
    state.back = next;
    state.closed = true;
    set(next === 0 ? state.draft : all.at(-next));
  }

  async function submit() {
    const text = input.value.trim();
    if (!text) return;
    remember(text);
    Object.assign(state, { back: 0, closed: false, at: 0 });
    set("");
    changed("sent");
    await dispatch(text, thread());
  }

  input.addEventListener("keydown", (event) => {
    const open = state.items.length > 0;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.isComposing) return;
    if (open && step) {
      state.at = (state.at + step + state.items.length) % state.items.length;
      drawPopup();
    } else if (open && (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey))) {
      pick(state.at);
    } else if (event.key === "Enter" && !event.shiftKey) {
      submit();
    } else if (event.key === "Escape" && open) {
      state.closed = true;
      refresh();
    } else if (step && !input.value.includes("\n") && (step < 0 || state.back > 0)) {
      browse(-step);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });
  input.addEventListener("input", () => {
    Object.assign(state, { closed: false, at: 0, back: 0 });
    refresh();
  });
  input.addEventListener("blur", () => (popup.hidden = true));
  input.addEventListener("focus", refresh);
  send.addEventListener("click", submit);
  const label = () => (thread() ? "Reply…" : `Message #${channel(store.channel)?.name ?? ""}, or / for commands`);
  return { box, input, fill: (text) => (set(text), input.focus()), relabel: () => (input.placeholder = label(), refresh()) };
}

function drawUsage(node, usage) {
  const forms = usage.forms.map(({ form, fits }, index) => [
    index ? el("span.sep", {}, " · ") : "", el(fits ? "span.fits" : "span.faint", {}, form)]);
  node.replaceChildren(el("strong", {}, usage.command), " ", ...forms.flat());
}

async function dispatch(text, thread) {
  if (!text.startsWith("/")) return attempt(() => say(text, thread ?? undefined));
  const [name, ...rest] = text.split(/(?<=^\S+)\s+/);
  if (thread) return slackbot(`${name} is not supported in threads. Sorry!`, thread);
  if (!store.commands.some((known) => known.command === name)) {
    return slackbot(`${name} is not a valid command. In the sandbox, text that begins with a slash is a command. Try one of ` +
      `${store.commands.map((known) => `\`${known.command}\``).join(", ")}.`);
  }
  tick(text);
  const done = waiting(text);
  await attempt(() => command(name, rest.join(" ")));
  done();
}

async function attempt(work) {
  try {
    await work();
  } catch (error) {
    slackbot(`The sandbox did not answer: ${error.message}`);
  }
}
