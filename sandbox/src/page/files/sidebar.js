// The sidebar: channels, addresses, and the menu of people.

import { avatar, copyButton, el, link } from "./dom.js";
import { become, person, show, store } from "./store.js";
import { history } from "./hints.js";

const at = (id) => document.getElementById(id);
const stages = ["dev", "staging", "prod"];

/** On narrow screens, the sidebar is a drawer. */
export function drawer(open) {
  document.body.classList.toggle("drawer", open);
  at("shade").hidden = !open;
}

export function drawSidebar() {
  at("team-name").textContent = store.team?.name ?? "Sluice";
  at("channels").replaceChildren(...store.channels.map((channel) => {
    const unread = store.unread.get(channel.id) ?? 0;
    const current = channel.id === store.channel;
    const open = () => {
      show(channel.id);
      drawer(false);
    };
    return el("li", {},
      el(`button.channel${unread ? ".unread" : ""}`, { type: "button", "aria-current": current ? "page" : null, onclick: open },
        el("span.hash", { "aria-hidden": "true" }, "#"), channel.name,
        unread > 0 && el("span.count", { "aria-label": `${unread} new` }, String(unread))));
  }));
  at("links").replaceChildren(...links());
  drawMe();
}

function links() {
  const world = store.world;
  if (!world) return [el("p.none", {}, "No addresses.")];
  const pipeline = guess();
  const fill = (pattern, stage = "") => pattern.replaceAll("{pipeline}", pipeline).replaceAll("{stage}", stage);
  const parts = [];
  if (typeof world.git === "string") {
    const url = world.git.includes("{pipeline}") ? fill(world.git) : `${world.git.replace(/\/$/, "")}/${pipeline}.git`;
    const line = `git clone ${url}`;
    parts.push(el("div.address", {}, el("span", {}, "Clone ", el("strong", {}, pipeline)), copyButton(line, "the git clone command"), code(line)));
  }
  if (typeof world.stages === "string") {
    parts.push(el("div.address", {}, el("span", {}, "Stages of ", el("strong", {}, pipeline)),
      el("p.stages", {}, stages.map((stage) => link(fill(world.stages, stage), stage)))));
  }
  if (typeof world.env_file === "string") {
    const line = `. ${world.env_file}`;
    parts.push(el("div.address", {}, el("span", {}, "Use ", el("strong", {}, "aws"), " in a shell"), copyButton(line, "the command"), code(line)));
  }
  return parts;
}

/** A command that may wrap after its slashes. */
const code = (line) =>
  el("code", {}, line.split(/(?<=[^/]\/)(?=[^/])/).flatMap((part, index) => (index ? [el("wbr"), part] : [part])));

/** The last pipeline that was created here; `orders` before that. */
function guess() {
  const named = /^\/repo\s+create\s+([a-z][a-z0-9-]+)/;
  return history().map((line) => named.exec(line)?.[1]).filter(Boolean).at(-1) ?? "orders";
}

function drawMe() {
  const me = person(store.me);
  at("me").replaceChildren(
    avatar(me),
    el("span.who", {}, el("strong", {}, me.real_name), el("span", {}, "Switch user")),
    el("span", { "aria-hidden": "true" }, "⇅"));
  const people = at("people");
  people.setAttribute("role", "menu");
  people.setAttribute("aria-label", "Switch user");
  people.replaceChildren(...store.people.map((one) =>
    el("button", { type: "button", role: "menuitemradio", "aria-checked": String(one.id === store.me), "data-person": one.name,
      onclick: () => choose(one.id) },
      avatar(one), el("span.who", {}, el("strong", {}, one.real_name), el("span", {}, one.title)),
      one.id === store.me && el("span", { "aria-hidden": "true" }, "✓"))));
}

async function choose(id) {
  open(false);
  drawer(false);
  await become(id);
  at("input")?.focus();
}

function open(wanted) {
  at("people").hidden = !wanted;
  at("me").setAttribute("aria-expanded", String(wanted));
  if (wanted) at("people").querySelector("[aria-checked=true]")?.focus();
}

/** Adds the event listeners. Call it once. */
export function startSidebar() {
  at("me").addEventListener("click", () => open(at("people").hidden));
  at("menu").addEventListener("click", () => drawer(true));
  at("shade").addEventListener("click", () => drawer(false));
  at("people").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const items = [...at("people").children];
    if (step) items.at((items.indexOf(document.activeElement) + step) % items.length).focus();
    if (event.key === "Escape") {
      open(false);
      at("me").focus();
    }
    if (step || event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
    }
  });
  document.addEventListener("click", (event) => {
    if (!at("people").hidden && !event.target.closest("#people, #me")) open(false);
  });
}
