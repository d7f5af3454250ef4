// Creates elements. Text only becomes text nodes: no module sets markup from strings.

/** `el("button.primary", { type: "button", onclick }, "Go", child)`. Attributes that are null or false are left out. */
export function el(selector, attributes = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const node = document.createElement(tag || "div");
  if (classes.length) node.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Makes `nodes` the children of `parent`. It does not touch children that stay, so they keep focus, animations and layout. */
export function patch(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
}

const kept = new Map();

/** The node for `key`, made again if `state` has changed. */
export function keep(key, state, make) {
  const known = kept.get(key);
  if (known?.state === state) return known.node;
  const node = make(known?.node);
  kept.set(key, { state, node });
  return node;
}

/** A link that opens outside the page, if its address is a web address; otherwise its label. */
export function link(url, ...label) {
  let parsed = null;
  try {
    parsed = new URL(url);
  } catch {
    // Not an address; shown as text.
  }
  if (!parsed || !["http:", "https:", "mailto:"].includes(parsed.protocol)) return el("span", {}, ...label);
  return el("a", { href: parsed.href, target: "_blank", rel: "noopener noreferrer" }, ...label);
}

const tones = 6;

/** A square with a person's initials, or the bot's icon. */
export function avatar(person, size = "") {
  if (person.bot) return el("img.avatar" + size, { src: "/page/files/icon.svg", alt: "" });
  const tone = [...person.id].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % tones;
  const initials = person.real_name.split(" ").map((word) => [...word][0] ?? "").join("").slice(0, 2);
  return el(`span.avatar.tone-${tone}${size}`, { "aria-hidden": "true" }, initials);
}

/** A button that copies a text. */
export function copyButton(text, what) {
  const button = el("button.copy", { type: "button", title: `Copy ${what}`, "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}

const sameDay = (a, b) => a.toDateString() === b.toDateString();

export const date = (ts) => new Date(Number.parseFloat(ts) * 1000);

export const clock = (ts) => date(ts).toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });

/** Today, Yesterday, or the date. */
export function day(when, options = { weekday: "long", month: "long", day: "numeric" }) {
  const now = new Date();
  if (sameDay(when, now)) return "Today";
  now.setDate(now.getDate() - 1);
  return sameDay(when, now) ? "Yesterday" : when.toLocaleDateString([], options);
}
