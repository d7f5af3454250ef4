// Completions: slash commands and their usage, people after @, channels after #.

import { store } from "./store.js";

/** `{ items, usage }` for a text and a caret: items to choose from, or the usage of one command. */
export function hints(text, caret) {
  const before = text.slice(0, caret);
  if (/^\/\S*$/.test(before)) return { items: commands(before), usage: null };
  const word = /(^|\s)([@#])([\w-]*)$/.exec(before);
  const items = word ? mentions(word[2], word[3], caret) : [];
  const name = /^(\/\S+)\s/.exec(text)?.[1];
  const known = store.commands.find((command) => command.command === name);
  return { items, usage: known ? usage(known, text.slice(name.length).trim()) : null };
}

function commands(typed) {
  const plain = typed.slice(1).toLowerCase();
  const rank = (command) => (command.command.slice(1).startsWith(plain) ? 0 : 1);
  return store.commands
    .filter((command) => command.command.includes(plain))
    .sort((a, b) => rank(a) - rank(b))
    .map((command) => ({
      label: command.command,
      hint: command.usage_hint,
      what: command.description,
      apply: () => ({ text: `${command.command} `, caret: command.command.length + 1 }),
    }));
}

function mentions(sign, typed, caret) {
  const list = sign === "@" ? [...store.people, ...store.groups] : store.channels;
  return list
    .filter((one) => one.name.startsWith(typed.toLowerCase()))
    .map((one) => ({
      label: `${sign}${one.name}`,
      hint: one.real_name ?? one.topic,
      what: "",
      apply: (text) => {
        const start = caret - typed.length - 1;
        const word = `${sign}${one.name} `;
        return { text: text.slice(0, start) + word + text.slice(caret).trimStart(), caret: start + word.length };
      },
    }));
}

/** The forms of a command. Those that the typed text may become are marked. */
function usage(command, typed) {
  const first = typed.split(/\s+/)[0] ?? "";
  const forms = command.usage_hint.split(" · ").filter(Boolean);
  const fits = (form) => {
    const word = form.split(" ")[0];
    if (!first || /^[A-Z[]/.test(word)) return !first || !forms.some((other) => verb(other, first));
    return verb(form, first);
  };
  return { command: command.command, forms: forms.map((form) => ({ form, fits: fits(form) })) };
}

/** Whether the form begins with a fixed word (`create`, `approve|reject`) that begins with the typed text. */
function verb(form, typed) {
  const word = form.split(" ")[0];
  return !/^[A-Z[]/.test(word) && word.split("|").some((one) => one.startsWith(typed));
}

// The lines typed before, the newest last, for all people in this browser tab.
const key = "sluice.history";
const most = 100;

export const history = () => JSON.parse(sessionStorage.getItem(key) ?? "[]");

export function remember(line) {
  const all = history().filter((known) => known !== line);
  sessionStorage.setItem(key, JSON.stringify([...all, line].slice(-most)));
}
