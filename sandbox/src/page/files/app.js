// Puts the parts together and redraws them after changes, at most once per frame.

import { el } from "./dom.js";
import { composer } from "./composer.js";
import { drawChannel, drawThread, toEnd } from "./messages.js";
import { become, channel, listen, show, store } from "./store.js";
import { drawSidebar, drawer, startSidebar } from "./sidebar.js";

const at = (id) => document.getElementById(id);
const main = composer("input");
const reply = composer("reply", () => store.thread);
const threadLog = el("div.log", { role: "log", "aria-label": "Replies", tabindex: "0" });

at("composer").append(main.box);
at("thread").append(
  el("header", {}, el("h2", {}, "Thread"),
    el("button.quiet", { type: "button", "aria-label": "Close the thread", onclick: () => show(store.channel) }, "✕")),
  threadLog, reply.box);

let due = false;
function draw() {
  due = false;
  const here = channel(store.channel);
  document.title = `${unread()}#${here?.name ?? ""} · Sluice sandbox`;
  at("channel-name").textContent = here ? `# ${here.name}` : "";
  at("channel-topic").textContent = here?.topic ?? "";
  drawSidebar();
  const seen = drawChannel(at("log"));
  if (seen) at("latest").hidden = true;
  at("thread").hidden = !drawThread(threadLog);
  document.body.classList.toggle("threaded", !at("thread").hidden);
  main.relabel();
  reply.relabel();
}

function unread() {
  const sum = [...store.unread.values()].reduce((total, count) => total + count, 0);
  return sum ? `(${sum}) ` : "";
}

listen((what, detail) => {
  if (what === "fill") return main.fill(detail);
  // People who send something want to see the answer.
  if (what === "sent") return void [at("log"), threadLog].forEach(toEnd);
  if (what === "line") return void (at("line").hidden = detail);
  if (what === "message" && detail.channel === store.channel && detail.edits === 0) at("latest").hidden = false;
  if (!due) {
    due = true;
    requestAnimationFrame(draw);
  }
});

at("latest").addEventListener("click", () => {
  toEnd(at("log"));
  at("latest").hidden = true;
});
at("log").addEventListener("scroll", () => {
  const log = at("log");
  if (log.scrollHeight - log.scrollTop - log.clientHeight < 80) at("latest").hidden = true;
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && store.unread.delete(store.channel)) requestAnimationFrame(draw);
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("textarea, input, dialog");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    main.fill("/");
  } else if (event.key === "Escape" && !event.target.closest("dialog")) {
    if (document.body.classList.contains("drawer")) drawer(false);
    else if (store.thread) show(store.channel);
  }
});
window.addEventListener("hashchange", follow);

/** `#C0GENERAL1/1712345678.123456` names a channel and a message in it. */
function follow() {
  const [id, ts] = location.hash.slice(1).split("/");
  if (!channel(id)) return;
  const message = store.messages.get(ts);
  show(id, message?.thread_ts ?? null);
  if (!message) return;
  requestAnimationFrame(() => requestAnimationFrame(() => {
    const node = document.querySelector(`[data-ts="${CSS.escape(ts)}"]`);
    node?.scrollIntoView({ block: "center" });
    node?.classList.add("changed");
  }));
}

startSidebar();
const asked = new URL(location.href).searchParams.get("as") ?? sessionStorage.getItem("sluice.me");
await become(asked);
follow();
if (window.matchMedia("(min-width: 800px)").matches) main.input.focus();
