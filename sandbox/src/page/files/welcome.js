// The head of a channel: what this is, and commands to try.

import { el, keep } from "./dom.js";
import { changed, person, store } from "./store.js";

const story = [
  ["/repo create orders", "Create a repository with a small function, its build and the stage dev"],
  ["/build orders", "Build the newest commit"],
  ["/deploy orders", "Deploy the build to dev. This is your first release"],
  ["/stage add orders staging", "Add a second stage. It requires an approval"],
  ["/stage add orders prod after staging", "Add a third stage"],
  ["/promote orders staging", "Promote the release, switch to another user (below the channels), and press Approve"],
  ["/promote orders prod", "Promote it again. The production URL answers"],
  [null, "Clone the repository (the command is in the sidebar), change the handler and push. Build, deploy and promote the change"],
  ["/rollback orders prod", "Roll back to the first release"],
  ["/pipeline status orders", "See what runs where"],
];

const typed = () => new Set(JSON.parse(sessionStorage.getItem("sluice.typed") ?? "[]"));

/** Marks a command as done. */
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
  const guest = channel.member ? null : el("p.warn", {}, "Sluice is not a member of this channel. Here it can only answer you.");
  return el("section.welcome", { "aria-label": "Welcome" },
    el("h2", {}, `# ${channel.name}`),
    el("p", {}, `${channel.topic}. You are `, el("strong", {}, person(store.me).real_name),
      ". Everything runs on this machine, with the real bot and real functions."),
    guest,
    channel.member && el("div.story", {},
      el("h3", {}, "Try this"),
      el("ol", {}, story.map(([line, what]) =>
        el(`li${done.has(line) ? ".done" : ""}`, {},
          line && el("button.fill", { type: "button", "data-fill": line, onclick: () => changed("fill", line) }, line),
          el("span", {}, what))))));
}
