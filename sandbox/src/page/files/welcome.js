// The head of a channel: what this is, and the story to try, one click a line.

import { el, keep } from "./dom.js";
import { changed, person, store } from "./store.js";

const story = [
  ["/repo create orders", "a repository with a small function, its build and the stage dev"],
  ["/build orders", "builds the newest commit"],
  ["/deploy orders", "puts the build on dev: your first release"],
  ["/stage add orders staging", "a second stage; it asks for an approval"],
  ["/stage add orders prod after staging", "and a third"],
  ["/promote orders staging", "then be somebody else (below the channels) and press Approve"],
  ["/promote orders prod", "once more, and the production URL answers"],
  [null, "Clone it (the line is in the sidebar), change the handler, push; build, deploy and promote that too"],
  ["/rollback orders prod", "and back to the first one"],
  ["/pipeline status orders", "what runs where"],
];

const typed = () => new Set(JSON.parse(sessionStorage.getItem("sluice.typed") ?? "[]"));

/** Ticks a line of the story. */
export function tick(line) {
  const all = typed();
  all.add(line.trim().replace(/\s+/g, " "));
  sessionStorage.setItem("sluice.typed", JSON.stringify([...all]));
  changed("view");
}

export function welcome(channel) {
  if (!channel) return el("div");
  const done = typed();
  return keep("welcome", JSON.stringify([channel, store.me, [...done]]), () => head(channel, done));
}

function head(channel, done) {
  const guest = channel.member ? null : el("p.warn", {}, "Sluice was not invited to this channel: here it can only answer you.");
  return el("section.welcome", { "aria-label": "Welcome" },
    el("h2", {}, `# ${channel.name}`),
    el("p", {}, `${channel.topic}. You are `, el("strong", {}, person(store.me).real_name),
      "; everything here runs on this machine, with a real bot and real functions."),
    guest,
    channel.member && el("div.story", {},
      el("h3", {}, "Try this"),
      el("ol", {}, story.map(([line, what]) =>
        el(`li${done.has(line) ? ".done" : ""}`, {},
          line && el("button.fill", { type: "button", "data-fill": line, onclick: () => changed("fill", line) }, line),
          el("span", {}, what))))));
}
