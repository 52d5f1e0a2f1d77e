// The page: what is shown, what keys do, what was decided.

import { mayDecide, read, write } from "./api.js";
import { askName, askWhether } from "./ask.js";
import { drawClasses, drawCounts, drawTabs, options } from "./bars.js";
import { cell, head } from "./cells.js";
import { Grid } from "./grid.js";
import { LargeView } from "./large.js";
import { filtered, rejectedItems, sections } from "./items.js";

const KEPT = "review-view";
const at = (id) => document.getElementById(id);
const choices = ["order", "shown", "split", "query", "reason"];

let data;
let rejections = null;
let items = [];
let sha = new Map();
let view = { name: "images", label: "", focus: null };
const selected = new Set();
let anchor = null;

const grid = new Grid(at("scroller"), at("sheet"), makeCell, head);
const large = new LargeView(at("large"));

function makeCell(item) {
  return cell(item, {
    state: data.states[item.sha256], selected: selected.has(item.key),
    focused: item.key === view.focus, label: item.label,
  });
}

function say(text, problem = false) {
  at("status").textContent = text;
  at("status").classList.toggle("problem", problem);
}

async function guarded(work) {
  try {
    return await work();
  } catch (error) {
    say(error instanceof TypeError
      ? `not saved: the server does not answer (${error.message}). Start it again and reload`
      : error.message, true);
    return null;
  }
}

// What is shown

async function load() {
  data = await read("/overview");
  rejections = null;
  document.title = `Review ${data.version}`;
  at("dataset").textContent = data.dataset;
  at("version").textContent = data.version.split("/").pop();
  options("order", data.orders.map((order, n) => [String(n), order.name, order.what]));
  options("split", [["", "all"], ...data.splits.map((name) => [name, name])]);
  options("query", [["", "all"], ...data.queries.filter(Boolean).map((text) => [text, text])]);
  restoreView();
  await arrange();
  drawCounts(data, mayDecide);
  if (!mayDecide) say("Only to look at: to decide, open the address that the terminal shows", true);
}

/** Where the first screen shows nothing suspicious, say how to get to what is. */
function sayWhatIsElsewhere() {
  if (!data || !mayDecide) return;
  const open = (item) => item.flagged && !data.states[item.sha256];
  const count = grid.flat.filter(open).length;
  if (count && !grid.visible().some(open)) say(`${count} suspicious elsewhere: press n`);
}

/** Sort and filter, and show what is left. */
async function arrange() {
  if (view.name === "rejected" && rejections === null) {
    rejections = await read("/rejections");
    const reasons = [...new Set(rejections.map((r) => r.reason))].sort();
    options("reason", [["", "all"], ...reasons.map((name) => [name, name])]);
  }
  const order = data.orders[Number(at("order").value) || 0];
  items = view.name === "rejected" ? rejectedItems(rejections) : imageItems(order);
  sha = new Map(items.map((item) => [item.sha256, item]));
  const wanted = { label: view.label, words: at("words").value.trim().toLowerCase() };
  for (const id of choices) wanted[id] = at(id).value;
  const shown = filtered(items, wanted, data.states, view.name);
  drawClasses(filtered(items, { ...wanted, label: "" }, data.states, view.name),
    data.classes, view.label);
  grid.show(sections(shown, view.name, at("byClass").checked && !view.label, data.classes));
  at("empty").hidden = grid.flat.length > 0;
  for (const key of [...selected]) if (!grid.placeOf.has(key)) selected.delete(key);
  if (!grid.placeOf.has(view.focus)) view.focus = grid.flat[0]?.key ?? null;
  drawTabs(data, view.name);
  focus(view.focus);
}

function imageItems(order) {
  return data.images.map(([sha256, label, split, group, query, title], n) => ({
    key: sha256, sha256, kind: "image", label: data.classes[label], split: data.splits[split],
    group, query: data.queries[query], title, score: order.scores[n],
    suggested: order.suggested[n] < 0 ? "" : data.classes[order.suggested[n]],
    flagged: order.flagged[n] === 1,
  }));
}

function keepView() {
  const kept = { ...view, byClass: at("byClass").checked, size: at("size").value };
  for (const id of choices) kept[id] = at(id).value;
  sessionStorage.setItem(KEPT, JSON.stringify(kept));
}

function restoreView() {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) || "null");
  if (!kept || view.restored) return;
  view = { name: kept.name, label: data.classes.includes(kept.label) ? kept.label : "",
    focus: kept.focus, restored: true };
  at("byClass").checked = kept.byClass;
  at("size").value = kept.size;
  applySize();
  for (const id of choices)
    if ([...at(id).options].some((option) => option.value === kept[id])) at(id).value = kept[id];
}

function applySize() {
  const width = Number(at("size").value);
  grid.resize(width, Math.round(width * 1.2) + 22);
}

// Where one is

function focus(key) {
  const before = view.focus;
  view.focus = key;
  grid.redraw(before);
  if (key === null) return;
  grid.reveal(key);
  grid.redraw(key);
  at("scroller").setAttribute("aria-activedescendant", `cell-${key}`);
  keepView();
  if (large.open) showLarge();
}

const focused = () => (view.focus === null ? null : grid.flat[grid.placeOf.get(view.focus)?.flat]);

function showLarge() {
  const item = focused();
  if (item) guarded(() => large.show(item, data.states[item.sha256]));
}

function move(key, extend) {
  if (!grid.flat.length) return;
  anchor = extend ? (anchor ?? view.focus) : null;
  const next = grid.step(view.focus, key);
  if (extend) select(anchor, next.key);
  focus(next.key);
}

function select(from, to) {
  const [a, b] = [grid.placeOf.get(from)?.flat ?? 0, grid.placeOf.get(to).flat];
  for (const item of grid.flat.slice(Math.min(a, b), Math.max(a, b) + 1)) {
    selected.add(item.key);
    grid.redraw(item.key);
  }
  told();
}

function toggle(key) {
  if (!selected.delete(key)) selected.add(key);
  grid.redraw(key);
  told();
}

function selectNone() {
  const before = [...selected];
  selected.clear();
  anchor = null;
  before.forEach((key) => grid.redraw(key));
}

const told = () => say(selected.size ? `${selected.size} selected` : "");

function nextSuspicious(way) {
  const start = grid.placeOf.get(view.focus)?.flat ?? -1;
  const count = grid.flat.length;
  for (let n = 1; n <= count; n++) {
    const item = grid.flat[(start + way * n + count * 2) % count];
    if (item.flagged && !data.states[item.sha256]) return focus(item.key);
  }
  return say("no suspicious image without a decision is left here");
}

// What is decided

const chosen = () => (selected.size ? grid.flat.filter((item) => selected.has(item.key))
  : [focused()]).filter(Boolean);

/** Decide on what is selected, or on the image that one is at, and go on to the next. */
async function decide(action, label = "", only = () => true) {
  const found = chosen();
  const wanted = found.filter((item) => item.sha256 && only(item));
  if (!wanted.length) return say(refusal(found, action), true);
  const several = selected.size > 0;
  const images = [...new Set(wanted.map((item) => item.sha256))];
  if (several) selectNone();
  else if (action !== "restore") move("ArrowRight", false);
  const answer = await guarded(() => write("/decide", { images, action, label }));
  if (!answer) return focus(wanted[0].key);
  take(answer);
  const what = { reject: "rejected", relabel: `now ${label}`, restore: "restored" }[action];
  return say(`${images.length === 1 ? "1 image" : `${images.length} images`} ${what} · u undoes it`);
}

function refusal(found, action) {
  if (!found.length) return "no image is chosen";
  if (found.some((item) => !item.sha256)) return found[0].note;
  return action === "reject" ? "it was turned away already" : "it is of that class already";
}

function take(answer) {
  Object.assign(data.states, answer.states);
  for (const [name, state] of Object.entries(answer.states)) {
    if (state === null) delete data.states[name];
    for (const item of view.name === "rejected" ? items.filter((i) => i.sha256 === name)
      : [sha.get(name)])
      if (item) grid.redraw(item.key);
  }
  const more = answer.classes.length !== data.classes.length;
  for (const name of ["pending", "decisions", "canUndo"]) data[name] = answer[name];
  drawCounts(data, mayDecide);
  if (more) guarded(load);
  else if (large.open) showLarge();
}

const reject = () => (view.name === "rejected"
  ? decide("restore", "", (item) => data.states[item.sha256]?.change)
  : decide("reject"));

const relabel = (label) => decide("relabel", label, (item) =>
  item.label !== label || item.kind === "rejected" || data.states[item.sha256]?.change);

function restore() {
  return decide("restore", "", (item) => data.states[item.sha256]);
}

/** Take back what a crawl or a person turned away, under the class that it was found for. */
function takeBack() {
  const [item] = chosen();
  if (item?.kind !== "rejected") return say("only what was turned away can be taken back");
  if (item.reason === "label_conflict")
    return say(`${item.detail}: press the number of the right class`, true);
  if (item.reason === "rejected_by_hand") return decide("restore", "", (i) => i.reason === item.reason);
  return decide("relabel", item.label, (i) => i.label === item.label);
}

function takeSuggested() {
  const { suggested } = focused() || {};
  return suggested ? relabel(suggested) : say("no other class is suggested for it");
}

async function undo() {
  const answer = await guarded(() => write("/undo"));
  if (!answer) return;
  take(answer);
  const item = items.find((one) => answer.undone.includes(one.sha256));
  if (item && grid.placeOf.has(item.key)) focus(item.key);
  say(`undone: ${answer.undone.length === 1 ? "1 image" : `${answer.undone.length} images`}`);
}

async function relabelByName() {
  const label = await askName("Which class?", "One of the dataset's, or a new one.", data.classes);
  if (label) await relabel(label);
}

async function publish() {
  if (at("publish").disabled) return say("there is nothing to publish: no changes yet");
  const text = `${at("pending").textContent}. Earlier versions stay as they are.`;
  if (!(await askWhether("Publish the next version?", text, "Publish"))) return null;
  say("publishing…");
  const answer = await guarded(() => write("/publish"));
  if (!answer) return null;
  large.close();
  await guarded(load);
  return say(answer.unchanged ? `${answer.name}: nothing changed since the version before`
    : `published ${answer.name}: ${answer.images} images`);
}

// Keys and clicks

const keys = {
  x: reject, r: restore, Backspace: restore, t: takeBack, u: undo, l: relabelByName,
  s: takeSuggested, n: () => nextSuspicious(1), N: () => nextSuspicious(-1), p: publish,
  Enter: () => (large.open ? large.close() : showLarge()),
  " ": () => view.focus !== null && toggle(view.focus), "?": () => at("keys").showModal(),
  Escape: () => { selectNone(); told(); },
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input[type=search], input[type=text], select, #ask, #keys");
  const pressing = event.target.closest("button") && ["Enter", " "].includes(event.key);
  if (!data || typing || pressing || event.altKey || event.isComposing) return;
  if (event.ctrlKey || event.metaKey) {
    if (event.key !== "a" || large.open) return;
    event.preventDefault();
    if (grid.flat.length) select(grid.flat[0].key, grid.flat.at(-1).key);
    return;
  }
  const moves = /^(Arrow|Page|Home$|End$)/.test(event.key);
  const number = /^[1-9]$/.test(event.key) ? data.classes[event.key - 1] : undefined;
  if (event.key === "Escape" && large.open) return; // the dialog closes itself
  if (!moves && !number && !Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  if (moves) move(event.key, event.shiftKey);
  else if (number) relabel(number);
  else keys[event.key]();
});

at("sheet").addEventListener("click", (event) => {
  const key = event.target.closest(".cell")?.dataset.key;
  if (!key) return;
  if (event.shiftKey) select(anchor ?? (anchor = view.focus), key);
  else if (event.ctrlKey || event.metaKey) toggle(key);
  else if (selected.size) selectNone();
  if (!event.shiftKey) anchor = key;
  focus(key);
  at("scroller").focus({ preventScroll: true });
});
at("sheet").addEventListener("dblclick", () => showLarge());
at("classes").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  view.label = button.dataset.label;
  at("scroller").scrollTop = 0;
  view.focus = null;
  again();
});
at("views").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) again({ name: button.dataset.view, label: "", focus: null });
});

/** Show anew after a filter or the view has changed. */
async function again(changed = {}) {
  Object.assign(view, changed);
  if (changed.name) {
    selectNone();
    at("scroller").scrollTop = 0;
  }
  await guarded(arrange);
  at("scroller").focus({ preventScroll: true });
}

for (const id of [...choices, "byClass"]) at(id).addEventListener("change", () => again());
at("words").addEventListener("input", () => guarded(arrange));
at("size").addEventListener("input", () => { applySize(); focus(view.focus); });
at("undo").addEventListener("click", undo);
at("publish").addEventListener("click", publish);
at("help").addEventListener("click", () => at("keys").showModal());
at("large").querySelector(".close").addEventListener("click", () => large.close());
at("large").addEventListener("close", () => { large.close(); at("scroller").focus(); });
at("large").addEventListener("click", (event) => {
  const item = sha.get(event.target.dataset?.sha);
  if (item && grid.placeOf.has(item.key)) focus(item.key);
});

applySize();
guarded(load).then(() => { at("scroller").focus(); sayWhatIsElsewhere(); });
