// Block Kit as nodes. An unknown block or element shows its type.

import { el, link } from "./dom.js";
import { words } from "./emoji.js";
import { channelLink, formatted, groupMention, mention, mrkdwn } from "./mrkdwn.js";
import { click } from "./store.js";

/** All blocks of a message. */
export const blocks = (message) => message.blocks.map((block) => (render[block.type] ?? unknown)(block, message));

const text = (object) => (object.type === "plain_text" ? words(object.text) : mrkdwn(object.text));

const render = {
  section: (block, message) =>
    el("div.section", {},
      el("div.words", {},
        block.text && el("div.text", {}, text(block.text)),
        block.fields && el("dl.fields", {}, block.fields.map((field) => el("div.field", {}, text(field))))),
      block.accessory && el("div.accessory", {}, element(block.accessory, message))),
  header: (block) => el("h3.header", {}, text(block.text)),
  divider: () => el("hr"),
  context: (block) =>
    el("div.context", {}, block.elements.map((item) =>
      item.type === "image" ? el("span", { title: item.image_url }, item.alt_text) : el("span", {}, text(item)))),
  actions: (block, message) => el("div.actions", {}, block.elements.map((item) => element(item, message))),
  image: (block) => el("p.picture", {}, link(block.image_url ?? "", block.alt_text)),
  markdown: (block) => el("div.text", {}, mrkdwn(block.text)),
  rich_text: (block) => el("div.text", {}, rich(block)),
  table,
};

const unknown = (block) => el("p.unknown", {}, `[${block.type}]`);

function table(block) {
  const align = (column) => `align-${block.column_settings?.[column]?.align ?? "left"}`;
  const cell = (tag) => (value, column) =>
    el(`${tag}.${align(column)}`, tag === "th" ? { scope: "col" } : {},
      value.type === "raw_text" ? words(value.text) : rich(value));
  const [head, ...rows] = block.rows;
  return el("div.table", { tabindex: "0", role: "region", "aria-label": "Table" },
    el("table", {},
      el("thead", {}, el("tr", {}, head.map(cell("th")))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map(cell("td")))))));
}

function rich(block) {
  return block.elements.map((part) => {
    if (part.type === "rich_text_list") {
      return el(part.style === "ordered" ? "ol" : "ul", {}, part.elements.map((item) => el("li", {}, runs(item))));
    }
    if (part.type === "rich_text_preformatted") return el("pre", {}, runs(part));
    if (part.type === "rich_text_quote") return el("blockquote", {}, runs(part));
    return el("span.lines", {}, runs(part));
  });
}

const runs = (part) => part.elements.map((run) => styled(run, piece(run)));

function piece(run) {
  if (run.type === "text") return words(run.text);
  if (run.type === "link") return link(run.url, run.text || run.url);
  if (run.type === "user") return mention(run.user_id);
  if (run.type === "usergroup") return groupMention(run.usergroup_id);
  if (run.type === "channel") return channelLink(run.channel_id);
  if (run.type === "emoji") return words(`:${run.name}:`);
  if (run.type === "date") return formatted(new Date(run.timestamp * 1000), run.format);
  if (run.type === "broadcast") return `@${run.range}`;
  return `[${run.type}]`;
}

function styled(run, node) {
  const tags = { code: "code", bold: "strong", italic: "em", strike: "del" };
  return Object.entries(tags).reduce((inner, [style, tag]) => (run.style?.[style] ? el(tag, {}, inner) : inner), node);
}

function element(item, message) {
  if (item.type !== "button") return el("span.unknown", {}, `[${item.type}]`);
  const label = item.accessibility_label ?? null;
  const kind = item.style ? `.${item.style}` : "";
  const button = el(`button.action${kind}`, { type: "button", "data-action": item.action_id, "aria-label": label },
    words(item.text.text));
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-busy") || (item.confirm && !(await ask(item.confirm)))) return;
    if (item.url) window.open(link(item.url).href, "_blank", "noopener");
    await press(button, message, item);
  });
  return button;
}

/** Sends the click. The button is busy until the answer; an error is shown after it. */
async function press(button, message, item) {
  button.setAttribute("aria-busy", "true");
    button.parentElement?.querySelector(".failure")?.remove();
    let error = null;
    try {
      error = (await click(message, item)).error;
    } catch (failure) {
      error = failure.message;
    }
    button.removeAttribute("aria-busy");
    if (error) button.after(el("span.failure", { role: "alert" }, `⚠ ${error.replaceAll("_", " ")}`));
}

/** Slack's confirmation dialog; true if confirmed. */
export function ask(confirm) {
  const dialog = document.getElementById("confirm");
  const choice = (kind, value, label) =>
    el(`button.action${kind}`, { type: "button", onclick: () => dialog.close(value) }, words(label.text));
  const no = choice("", "no", confirm.deny);
  const yes = choice(`.${confirm.style ?? "primary"}`, "yes", confirm.confirm);
  dialog.replaceChildren(
    el("h2", { id: "confirm-title" }, words(confirm.title.text)),
    el("div.text", {}, text(confirm.text)),
    el("div.choices", {}, no, yes));
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.returnValue = "";
    dialog.showModal();
    (confirm.style === "danger" ? no : yes).focus();
  });
}
