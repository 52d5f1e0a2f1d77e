// Which items are shown, in which order, under which headings. Pure.

/** Whether an item passes the filters. */
function passes(item, wanted, state) {
  if (wanted.label && item.label !== wanted.label) return false;
  if (wanted.query && item.query !== wanted.query) return false;
  if (item.kind === "image" && wanted.split && item.split !== wanted.split) return false;
  if (item.kind === "rejected" && wanted.reason && item.reason !== wanted.reason) return false;
  if (wanted.words && !item.title.toLowerCase().includes(wanted.words)) return false;
  if (wanted.shown === "flagged") return item.flagged;
  if (wanted.shown === "decided") return Boolean(state);
  if (wanted.shown === "undecided") return !state;
  return true;
}

/** The items that pass the filters, the most suspicious first. */
export function filtered(items, wanted, states, view) {
  const some = items.filter((item) => passes(item, wanted, states[item.sha256]));
  return view === "rejected" ? some : some.sort((a, b) => b.score - a.score);
}

/** Items of what was turned away. */
export function rejectedItems(rejections) {
  return rejections.map((values, n) => ({
    ...values, key: `r${n}`, kind: "rejected", flagged: false, suggested: "",
  }));
}

function by(items, name) {
  const found = new Map();
  for (const item of items) {
    if (!found.has(item[name])) found.set(item[name], []);
    found.get(item[name]).push(item);
  }
  return found;
}

/** Divide items into the grid's sections. */
export function sections(items, view, byClass, classes) {
  if (view === "groups") return groupSections(items);
  if (view === "rejected") return namedSections(by(items, "reason"));
  if (!byClass) return [{ key: "all", items }];
  const found = by(items, "label");
  return namedSections(new Map(classes.filter((c) => found.has(c)).map((c) => [c, found.get(c)])));
}

function namedSections(found) {
  return [...found].map(([title, items]) => {
    const flagged = items.filter((item) => item.flagged).length;
    const suspicious = flagged ? ` · ${flagged} suspicious` : "";
    return { key: title, title, note: `${items.length.toLocaleString("en")}${suspicious}`, items };
  });
}

/** Groups of more than one image: those of several classes first, then the larger ones. */
function groupSections(items) {
  const several = [...by(items, "group").values()].filter((group) => group.length > 1);
  const labels = (group) => new Set(group.map((item) => item.label)).size;
  several.sort((a, b) => labels(b) - labels(a) || b.length - a.length || b[0].score - a[0].score);
  return several.map((group) => {
    const names = [...new Set(group.map((item) => item.label))].sort();
    const note = `${group.length} images · ${group[0].split}`;
    return { key: `group ${group[0].group}`, title: names.join(" / "), note, items: group };
  });
}
