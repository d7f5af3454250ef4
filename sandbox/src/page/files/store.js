// The page's state, and how it learns of changes. The server owns all of it except the current user and the typed lines.

export const store = {
  me: "",
  people: [],
  known: [],
  groups: [],
  channels: [],
  commands: [],
  bot: { id: "", name: "Sluice" },
  world: null,
  messages: new Map(),
  channel: "",
  thread: null,
  unread: new Map(),
};

const listeners = new Set();
let source = null;
let loading = 0;
let threads = null;

/** Calls `listener(what)` on every change; `what` is "all", "message", "view" or "line". */
export const listen = (listener) => listeners.add(listener);

export function changed(what, detail) {
  threads = null;
  for (const listener of listeners) listener(what, detail);
}

/** Switches to a user: reads the state and follows its changes. */
export async function become(user) {
  await read(user);
  sessionStorage.setItem("sluice.me", store.me);
  const url = new URL(location.href);
  url.searchParams.set("as", person(store.me).name);
  history.replaceState(null, "", url);
  source?.close();
  source = new EventSource(`/page/events?user=${encodeURIComponent(store.me)}`);
  // Sent first on every connection, and when this page lagged behind: the page reads everything it may have missed.
  source.addEventListener("ready", async () => {
    await read(store.me);
    changed("line", true);
  });
  source.addEventListener("message", (event) => take(JSON.parse(event.data)));
  source.addEventListener("error", () => changed("line", false));
}

async function read(user) {
  const turn = ++loading;
  const response = await fetch(`/page/state?user=${encodeURIComponent(user ?? "")}`);
  const state = await response.json();
  if (turn !== loading) return;
  const { messages, ...rest } = state;
  Object.assign(store, rest);
  store.messages = new Map(messages.map((message) => [message.ts, message]));
  if (!channel(store.channel)) store.channel = store.channels[0]?.id ?? "";
  changed("all");
}

function take(message) {
  const known = store.messages.has(message.ts);
  store.messages.set(message.ts, message);
  const shown = message.channel === store.channel && !document.hidden;
  if (!known && !shown && (!message.thread_ts || message.broadcast)) {
    store.unread.set(message.channel, (store.unread.get(message.channel) ?? 0) + 1);
  }
  changed("message", message);
}

export const group = (id) => store.groups.find((one) => one.id === id);
export const channel = (id) => store.channels.find((one) => one.id === id);

/** The author of a message. */
export function person(id) {
  if (id === store.bot.id) return { id, name: "sluice", real_name: store.bot.name, bot: true };
  if (id === "USLACKBOT") return { id, name: "slackbot", real_name: "Slackbot" };
  return store.known.find((one) => one.id === id) ?? { id, name: id, real_name: id };
}

/** Shows a channel, and a thread in it if one is given. */
export function show(id, thread = null) {
  if (!channel(id)) return;
  store.channel = id;
  store.thread = thread;
  store.unread.delete(id);
  history.replaceState(null, "", `${location.pathname}${location.search}#${id}`);
  changed("view");
}

/** The public replies of a thread, grouped once after each change. */
export function replies(ts) {
  if (!threads) {
    const all = [...store.messages.values()].filter((message) => message.thread_ts && !message.deleted && !message.to);
    threads = Map.groupBy(all, (message) => message.thread_ts);
  }
  return threads.get(ts) ?? [];
}

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

export const command = (name, text) =>
  post("/control/command", { user: store.me, channel: store.channel, command: name, text });

export const say = (text, thread_ts) =>
  post("/control/say", { user: store.me, channel: store.channel, text, thread_ts });

export const click = (message, element) =>
  post("/control/click", {
    user: store.me,
    channel: message.channel,
    ts: message.ts,
    action_id: element.action_id,
    value: element.value,
  });

/** Shows a message from Slack itself, to this person on this page only. */
export function slackbot(text, thread_ts = null) {
  const ts = (Date.now() / 1000).toFixed(6);
  const message = { ts, thread_ts, channel: store.channel, user: "USLACKBOT", to: store.me, text, blocks: [], edits: 0 };
  store.messages.set(ts, message);
  changed("message", message);
}
