// What is around the grid: classes with their counts, the views, what the next version will change.

import { make } from "./cells.js";

const at = (id) => document.getElementById(id);

/** Fill a menu, and leave chosen what was chosen. */
export function options(id, entries) {
  const before = at(id).value;
  at(id).replaceChildren(...entries.map(([value, text, title]) =>
    make("option", "", { value, title: title || "" }, text)));
  if (entries.some(([value]) => value === before)) at(id).value = before;
}

/** Show the classes, with how many images of each pass the other filters. */
export function drawClasses(shown, labels, chosen) {
  const total = new Map();
  for (const item of shown) {
    const found = total.get(item.label) || { all: 0, flagged: 0 };
    found.all++;
    if (item.flagged) found.flagged++;
    total.set(item.label, found);
  }
  const entry = (label, name, key, found) => make("li", "", {},
    make("button", "", { type: "button", "data-label": label,
      "aria-pressed": String(chosen === label) },
      make("kbd", "", {}, key), make("span", "", {}, name),
      make("small", found?.flagged ? "flagged" : "", { title: "suspicious" },
        found?.flagged ? String(found.flagged) : ""),
      make("small", "", {}, String(found?.all ?? 0))));
  const all = { all: shown.length, flagged: shown.filter((item) => item.flagged).length };
  at("classes").replaceChildren(entry("", "all", "", all), ...labels.map((label, n) =>
    entry(label, label, n < 9 ? String(n + 1) : "", total.get(label))));
}

/** Show the views, with how much there is in each. */
export function drawTabs(data, name) {
  const groups = new Map();
  for (const [, , , group] of data.images) groups.set(group, (groups.get(group) || 0) + 1);
  const several = [...groups.values()].filter((size) => size > 1).length;
  const told = { images: data.images.length, groups: several, rejected: data.rejections };
  for (const button of at("views").children) {
    button.setAttribute("aria-pressed", String(button.dataset.view === name));
    button.lastElementChild.textContent = told[button.dataset.view].toLocaleString("en");
  }
  document.body.dataset.view = name;
}

/** Show what the next version will do otherwise than this one. */
export function drawCounts(data, mayDecide) {
  const names = { reject: "rejected", relabel: "relabelled", restore: "restored",
    "take back": "taken back" };
  const parts = Object.entries(names).filter(([name]) => data.pending[name])
    .map(([name, word]) => `${data.pending[name]} ${word}`);
  at("pending").textContent = parts.length ? `next version: ${parts.join(", ")}` : "no changes yet";
  at("undo").disabled = !data.canUndo || !mayDecide;
  at("publish").disabled = !parts.length || !mayDecide;
}
