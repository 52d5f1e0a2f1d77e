// Makes elements. All that comes from elsewhere becomes text, never markup.

/** Make an element with a class, attributes and children (elements, or text). */
export function make(tag, className = "", attributes = {}, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

/** A link to a page of the web, or plain text where the address is no such thing. */
export function link(address, text = address) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return document.createTextNode(text);
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return document.createTextNode(text);
  return make("a", "", { href: url.href, rel: "noopener noreferrer", target: "_blank" }, text);
}

function picture(sha256, alt) {
  const image = make("img", "", { src: `/small/${sha256}`, alt, loading: "lazy", draggable: "false",
    decoding: "async", fetchpriority: "low" });
  image.addEventListener("error", () =>
    image.replaceWith(make("span", "missing", {}, "cannot be shown")));
  return image;
}

function badge(state) {
  if (!state || !state.change) return null;
  const told = {
    reject: ["✕", "out"],
    relabel: [`→ ${state.label}`, "moved"],
    restore: ["↺ decision taken back", "back"],
    "take back": [state.label ? `+ ${state.label}` : "+ taken back", "back"],
  }[state.change];
  return make("span", `badge ${told[1]}`, {}, told[0]);
}

/** A cell of the grid: an image, or what was turned away. */
export function cell(item, { state, selected, focused, label }) {
  const change = state?.change || "";
  const names = ["cell", item.kind, selected ? "selected" : "", focused ? "focused" : "",
    change ? `will-${change.replace(" ", "-")}` : ""];
  const doubt = item.suggested || (item.flagged ? "none of these?" : "");
  const told = [label, item.suggested ? `looks like ${item.suggested}` : "", item.reason || "",
    change].filter(Boolean).join(", ");
  const frame = item.sha256
    ? make("div", "frame", {}, picture(item.sha256, item.title || told), badge(state))
    : make("div", "frame without", {}, make("p", "", {}, item.title || item.detail || "no picture"));
  const caption = make("div", "caption", {},
    make("span", "label", {}, label),
    doubt ? make("span", "suggested", {}, item.suggested ? `→ ${doubt}` : doubt) : null,
    item.reason ? make("span", "reason", {}, item.reason) : null);
  return make("div", names.filter(Boolean).join(" "), {
    id: `cell-${item.key}`, role: "option", "aria-label": told,
    "aria-selected": String(selected), title: item.title || item.detail || "",
    "data-key": item.key,
  }, frame, caption);
}

/** The heading of a section of the grid. */
export function head(section) {
  return make("div", "head", { role: "presentation" },
    make("strong", "", {}, section.title),
    make("span", "", {}, section.note || ""));
}
