// Emoji. Signs of a state are drawn here, because a machine may have no emoji font.

const named = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", rocket: "🚀", tada: "🎉", eyes: "👀",
  lock: "🔒", unlock: "🔓", bell: "🔔", package: "📦", hammer: "🔨", link: "🔗", information_source: "ℹ️",
  hourglass: "⏳", hourglass_flowing_sand: "⏳", arrows_counterclockwise: "🔄", leftwards_arrow_with_hook: "↩️",
  large_green_circle: "🟢", large_yellow_circle: "🟡", large_blue_circle: "🔵", red_circle: "🔴", white_circle: "⚪",
  no_entry: "⛔", octagonal_sign: "🛑", raised_hand: "✋", point_right: "👉", bulb: "💡", memo: "📝", wave: "👋",
  thumbsup: "👍", "+1": "👍", thumbsdown: "👎", "-1": "👎", construction: "🚧", ocean: "🌊", mag: "🔍", zap: "⚡",
  white_small_square: "▫️", arrow_forward: "▶️", arrow_right: "➡️", arrow_up: "⬆️", arrow_down: "⬇️", question: "❓",
};

const disc = "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1z";
const tile = "M3.5 1h9A2.5 2.5 0 0 1 15 3.5v9a2.5 2.5 0 0 1-2.5 2.5h-9A2.5 2.5 0 0 1 1 12.5v-9A2.5 2.5 0 0 1 3.5 1z";
const arc = "M5.5 3L2 6.5 5.5 10M2.5 6.5H10a3.5 3.5 0 0 1 0 7H7";
const hand = "M4.5 9V4a1 1 0 0 1 2 0v3V2.5a1 1 0 0 1 2 0V7V3a1 1 0 0 1 2 0v4.5V5a1 1 0 0 1 2 0v4.5c0 3-1.7 5.5-4.6 5.5" +
  "C5.5 15 4.6 13.5 3 10.5c-.6-1.2.7-2 1.5-1z";

// Sign: tone, filled shape, stroked lines. Lines on a shape are white.
const drawn = {
  "✅": ["good", tile, "M4.3 8.5L7 11l4.7-5.8"],
  "✔": ["good", null, "M3 8.5L6.5 12 13 4"],
  "❌": ["bad", null, "M3.5 3.5l9 9M12.5 3.5l-9 9"],
  "⏳": ["wait turning", null, "M4 1.8h8M4 14.2h8M5 2v2.5L8 8l3-3.5V2M5 14v-2.5L8 8l3 3.5V14"],
  "✋": ["wait", hand, null],
  "⚠": ["wait", "M8 1.5L15.5 14.5H.5z", "M8 6v4M8 12v.3"],
  "▫": ["faint", null, "M5.5 5.5h5v5h-5z"],
  "🟢": ["good", disc, null],
  "🟡": ["wait", disc, null],
  "🔴": ["bad", disc, null],
  "🔵": ["info", disc, null],
  "⚪": ["faint", null, disc],
  "⛔": ["bad", disc, "M4.5 8h7"],
  "🛑": ["bad", "M5 1h6l4 4v6l-4 4H5l-4-4V5z", "M8 4.5v4M8 11v.3"],
  "ℹ": ["info", disc, "M8 7.5v4M8 4.5v.3"],
  "↩": ["info", null, arc],
  "🔄": ["info", null, "M13.5 6.5a6 6 0 0 0-11-1M2 2.5v3.2h3.2M2.5 9.5a6 6 0 0 0 11 1M14 13.5v-3.2h-3.2"],
  "🔒": ["wait", "M3 7h10v7.5H3z", null, "M5 7V5a3 3 0 0 1 6 0v2"],
  "👁": ["faint", null, "M1 8C4 2.5 12 2.5 15 8C12 13.5 4 13.5 1 8zM8 6.2A1.8 1.8 0 1 1 8 9.8A1.8 1.8 0 1 1 8 6.2z"],
  "💬": ["faint", null, "M2 2.5h12v8.5H7.5L4 14v-3H2z"],
};

const space = "http://www.w3.org/2000/svg";
const pattern = new RegExp(`(${Object.keys(drawn).join("|")})\uFE0F?`, "u");

function path(kind, data) {
  const node = document.createElementNS(space, "path");
  node.setAttribute("d", data);
  node.setAttribute("class", kind);
  return node;
}

/** The drawing of a sign. Screen readers read the sign itself. */
export function sign(character) {
  const [tone, shape, lines, extra] = drawn[character];
  const node = document.createElementNS(space, "svg");
  node.setAttribute("viewBox", "0 0 16 16");
  node.setAttribute("class", `sign ${tone}`);
  node.setAttribute("role", "img");
  node.setAttribute("aria-label", character);
  if (shape) node.append(path("shape", shape));
  if (lines) node.append(path(shape ? "on" : "lines", lines));
  if (extra) node.append(path("lines", extra));
  return node;
}

/** `:rocket:` becomes 🚀; unknown names stay. */
export const emojied = (text) =>
  text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => (Object.hasOwn(named, name) ? named[name] : whole));

/** Text as nodes, with its signs drawn. */
export function words(text) {
  const root = document.createDocumentFragment();
  for (const [index, part] of emojied(text).split(pattern).entries()) {
    if (part) root.append(index % 2 ? sign(part) : part);
  }
  return root;
}
