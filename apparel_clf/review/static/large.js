// The large view: one image, what is known of it, and the others of its group.

import { link, make } from "./cells.js";
import { read } from "./api.js";

export class LargeView {
  constructor(dialog) {
    this.dialog = dialog;
    this.picture = dialog.querySelector(".picture");
    this.side = dialog.querySelector(".facts");
    this.item = null;
  }

  get open() {
    return this.dialog.open;
  }

  /** Show an item; with `state` what was decided of it. */
  async show(item, state) {
    const another = this.item?.key !== item.key;
    this.item = item;
    if (!this.dialog.open) this.dialog.showModal();
    if (another) this.picture.replaceChildren(this.large(item));
    const known = item.kind === "image" ? await read(`/facts/${item.sha256}`) : rejectionFacts(item);
    if (this.item !== item) return;
    this.side.replaceChildren(...this.parts(known, state));
  }

  close() {
    this.item = null;
    if (this.dialog.open) this.dialog.close();
  }

  large(item) {
    if (!item.sha256) return make("p", "missing", {}, item.note);
    return make("img", "", { src: `/large/${item.sha256}`, alt: item.title || item.label });
  }

  parts(known, state) {
    const decided = state?.words || state?.change
      ? make("p", `decided will-${(state.change || "stay").replace(" ", "-")}`, {},
        [describe(state), state.words].filter(Boolean).join(": "))
      : null;
    const why = (known.why || []).map(([name, text]) =>
      make("p", "why", {}, make("b", "", {}, `${name}: `), text));
    const rows = known.facts.map(([name, value]) =>
      make("tr", "", {}, make("th", "", { scope: "row" }, name),
        make("td", name === "sha256" ? "hash" : "", {}, value)));
    for (const [name, address] of [["page", known.page_url], ["image", known.image_url]])
      if (address)
        rows.push(make("tr", "", {}, make("th", "", { scope: "row" }, name),
          make("td", "address", {}, link(address))));
    const others = known.group || [];
    const group = others.length
      ? [make("h3", "", {}, `Its group: ${others.length} more`),
        make("div", "strip", {}, ...others.slice(0, 24).map((sha256) =>
          make("img", "", { src: `/small/${sha256}`, alt: "of the same group", "data-sha": sha256 })))]
      : [];
    return [decided, ...why, make("table", "", {}, make("tbody", "", {}, ...rows)), ...group]
      .filter(Boolean);
  }
}

function describe(state) {
  return {
    reject: "Will be rejected",
    relabel: `Will be ${state.label}`,
    restore: "Its decision was taken back",
    "take back": `Will be taken in${state.label ? ` as ${state.label}` : ""}`,
  }[state.change] || (state.action === "relabel" ? `A person said ${state.label}` : "Decided");
}

function rejectionFacts(item) {
  const values = { title: item.title, "turned away": item.reason, because: item.detail,
    class: item.label, query: item.query, source: item.source, product: item.asin,
    sha256: item.sha256 };
  return {
    facts: Object.entries(values).filter(([, value]) => value),
    page_url: item.page_url, image_url: item.image_url,
    why: item.note ? [["note", item.note]] : [],
  };
}
