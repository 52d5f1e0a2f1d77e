// A grid of any length in a few hundred elements: only what is on the screen is in the page.

const HEAD = 38;
const GAP = 8;
const OVERSCAN = 600;

/** Take an element off the page, and call back what was asked for and nobody will see. */
function takeOff(element) {
  element.querySelector("img")?.removeAttribute("src");
  element.remove();
}

/**
 * @param {HTMLElement} scroller what scrolls
 * @param {HTMLElement} sheet the element in it that is as tall as the whole grid
 * @param {(item: object) => HTMLElement} makeCell makes an item's element
 * @param {(section: object) => HTMLElement} makeHead makes a section's heading
 */
export class Grid {
  constructor(scroller, sheet, makeCell, makeHead) {
    Object.assign(this, { scroller, sheet, makeCell, makeHead });
    this.size = { width: 132, height: 172 };
    this.sections = [];
    this.shown = new Map();
    this.layOut();
    scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.resized()).observe(scroller);
  }

  /** Show sections of items: [{key, items: [{key, …}], …}]. */
  show(sections) {
    this.sections = sections;
    this.clear();
    this.layOut();
    this.draw();
  }

  resize(width, height) {
    this.size = { width, height };
    this.show(this.sections);
  }

  resized() {
    const before = this.columns;
    this.layOut();
    if (this.columns !== before) this.clear();
    this.draw();
  }

  clear() {
    for (const element of this.shown.values()) takeOff(element);
    this.shown.clear();
  }

  /** Find every row's place. A row is a section's heading or a few of its items. */
  layOut() {
    const { width, height } = this.size;
    const room = this.scroller.clientWidth - 2 * GAP;
    this.columns = Math.max(1, Math.floor((room + GAP) / (width + GAP)));
    this.rows = [];
    this.flat = [];
    this.placeOf = new Map();
    let top = 0;
    for (const section of this.sections) {
      if (section.title !== undefined) {
        this.rows.push({ top, height: HEAD, section });
        top += HEAD;
      }
      for (let at = 0; at < section.items.length; at += this.columns) {
        const items = section.items.slice(at, at + this.columns);
        items.forEach((item, column) => {
          this.placeOf.set(item.key, { flat: this.flat.length, row: this.rows.length, column });
          this.flat.push(item);
        });
        this.rows.push({ top, height: height + GAP, items });
        top += height + GAP;
      }
    }
    this.sheet.style.height = `${top}px`;
  }

  /** Put on the page what is near the window, and take off what is not. */
  draw() {
    const from = this.scroller.scrollTop - OVERSCAN;
    const to = this.scroller.scrollTop + this.scroller.clientHeight + OVERSCAN;
    const wanted = new Set();
    for (let i = this.firstRow(from); i < this.rows.length && this.rows[i].top < to; i++) {
      const row = this.rows[i];
      if (row.items) row.items.forEach((item, n) => wanted.add(this.place(item, row, n)));
      else wanted.add(this.placeHead(row));
    }
    for (const [key, element] of this.shown) {
      if (!wanted.has(key)) {
        takeOff(element);
        this.shown.delete(key);
      }
    }
  }

  firstRow(from) {
    let [low, high] = [0, this.rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.rows[middle].top + this.rows[middle].height < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  place(item, row, column) {
    if (!this.shown.has(item.key)) {
      const element = this.placed(item, row, column);
      this.sheet.append(element);
      this.shown.set(item.key, element);
    }
    return item.key;
  }

  placed(item, row, column) {
    const element = this.makeCell(item);
    element.style.left = `${GAP + column * (this.size.width + GAP)}px`;
    element.style.top = `${row.top}px`;
    element.style.width = `${this.size.width}px`;
    element.style.height = `${this.size.height}px`;
    return element;
  }

  placeHead(row) {
    const key = `head ${row.section.key}`;
    if (!this.shown.has(key)) {
      const element = this.makeHead(row.section);
      element.style.top = `${row.top}px`;
      element.style.height = `${HEAD}px`;
      this.sheet.append(element);
      this.shown.set(key, element);
    }
    return key;
  }

  /** Make an item's element anew, if it is on the page. */
  redraw(key) {
    const old = this.shown.get(key);
    const place = this.placeOf.get(key);
    if (!old || !place) return;
    const now = this.placed(this.flat[place.flat], this.rows[place.row], place.column);
    // The picture is kept: a new element would show nothing for a moment.
    const [before, after] = [old, now].map((element) => element.querySelector("img"));
    if (before && after) after.replaceWith(before);
    old.replaceWith(now);
    this.shown.set(key, now);
  }

  reveal(key) {
    const place = this.placeOf.get(key);
    if (!place) return;
    const row = this.rows[place.row];
    const { scrollTop, clientHeight } = this.scroller;
    if (row.top < scrollTop + HEAD) this.scroller.scrollTop = row.top - HEAD;
    else if (row.top + row.height > scrollTop + clientHeight)
      this.scroller.scrollTop = row.top + row.height - clientHeight;
    this.draw();
  }

  /** The items of which some part is in the window. */
  visible() {
    const { scrollTop, clientHeight } = this.scroller;
    return this.rows.filter((row) => row.items && row.top < scrollTop + clientHeight
      && row.top + row.height > scrollTop).flatMap((row) => row.items);
  }

  /** The item that a key of the keyboard leads to from another. */
  step(key, move) {
    const place = this.placeOf.get(key);
    if (!place) return this.flat[0];
    const last = this.flat.length - 1;
    const screen = Math.max(1, Math.floor(this.scroller.clientHeight / (this.size.height + GAP)));
    const ways = {
      ArrowRight: () => this.flat[Math.min(last, place.flat + 1)],
      ArrowLeft: () => this.flat[Math.max(0, place.flat - 1)],
      ArrowDown: () => this.inRow(place, 1),
      ArrowUp: () => this.inRow(place, -1),
      PageDown: () => this.inRow(place, screen),
      PageUp: () => this.inRow(place, -screen),
      Home: () => this.flat[0],
      End: () => this.flat[last],
    };
    return ways[move]();
  }

  /** The item so many rows of items further, in the same column as far as there is one. */
  inRow(place, count) {
    const way = Math.sign(count);
    let found = place.row;
    for (let left = Math.abs(count), i = place.row + way; left && this.rows[i]; i += way) {
      if (this.rows[i].items) {
        found = i;
        left--;
      }
    }
    const { items } = this.rows[found];
    return items[Math.min(place.column, items.length - 1)];
  }
}
