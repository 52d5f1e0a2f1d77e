// The page's behaviour: pictures in, cards out. All that is shown is set as text, never as markup.
"use strict";

const SHOWN = 5;          // bars before "show all"
const TRIES = 6;          // when the service is busy
const AT_ONCE = 2;        // pictures asked about at a time

const byId = (id) => document.getElementById(id);
const state = { limits: null, explains: false, waiting: [], running: 0, round: 0 };

// --- the service ---------------------------------------------------------------------------

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Send one file; come again while the service is busy. Errors carry words for people. */
async function send(address, file) {
  for (let tries = 1; ; tries += 1) {
    const form = new FormData();
    form.append("files", file, file.name || "pasted picture");
    let answer;
    try {
      answer = await fetch(address, { method: "POST", body: form });
    } catch {
      throw new Error(await whyUnsent(file));
    }
    if (answer.ok) return answer;
    if (answer.status !== 503 || tries === TRIES) throw new Error(await reasonOf(answer));
    await pause(1000 * Number(answer.headers.get("Retry-After") || 1));
  }
}

/** A file that can't be read ends a request just as a service that has gone. */
async function whyUnsent(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    return "This file can't be read any more: it was moved or deleted, or it is a folder.";
  }
  return "The service can't be reached. Is it still running?";
}

async function reasonOf(answer) {
  try {
    return sentence((await answer.json()).reason);
  } catch {
    return `The service refused this (status ${answer.status}).`;
  }
}

/** Make a reason of the service a sentence: a capital first, a full stop last. */
function sentence(text) {
  const trimmed = String(text || "refused").trim();
  const begun = trimmed[0].toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

async function greet() {
  try {
    const answer = await fetch("health");
    if (!answer.ok) throw new Error(await reasonOf(answer));
    const health = await answer.json();
    state.limits = health.limits;
    state.explains = health.explains;
    byId("model").textContent = describe(health.model);
    byId("model").title = `Classes: ${health.model.classes.join(", ")}`;
    byId("limits").textContent =
      `Up to ${megabytes(health.limits.body)} each. They stay in this service's memory and are never stored.`;
  } catch (error) {
    byId("model").textContent = "The model can't be asked at the moment.";
    tell(error.message);
  }
}

function describe(model) {
  const names = model.classes;
  const some = names.length > 6 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more` : names.join(", ");
  const parts = [`Knows ${some}`];
  if (model.metrics) {
    const [low, high] = model.metrics.ci.map(percent);
    parts.push(`${percent(model.metrics.accuracy)} right on ${model.metrics.n} pictures (95% interval ${low} to ${high})`);
  }
  if (model.weights === "none") parts.push("backbone untrained");
  parts.push(`runs on ${model.runtime}`);
  return parts.join(" · ");
}

const percent = (share) => `${(100 * share).toFixed(1)}%`;
const megabytes = (bytes) => `${Math.floor(bytes / 1e5) / 10} MB`;

// --- what is shown -------------------------------------------------------------------------

function tell(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = !text;
}

function newCard(file) {
  const card = byId("card").content.firstElementChild.cloneNode(true);
  const name = file.name || "pasted picture";
  card.classList.add("waiting");
  card.querySelector(".file bdi").textContent = name;
  card.querySelector(".file").title = name;
  const photo = card.querySelector(".photo");
  photo.alt = `The picture ${name}`;
  photo.addEventListener("error", () => hidePhoto(card), { once: true });
  photo.src = URL.createObjectURL(file);
  return card;
}

/** Where the browser can't show a file, such as a TIFF, say so instead of a broken sign. */
function hidePhoto(card) {
  card.querySelector(".photo").hidden = true;
  const note = card.querySelector(".stage-note");
  note.textContent = "This browser can't show the file.";
  note.hidden = !card.querySelector(".heat").hidden;
}

function showFailure(card, reason) {
  card.classList.remove("waiting");
  card.classList.add("failed");
  card.querySelector(".label").textContent = "No answer";
  const place = card.querySelector(".reason");
  place.textContent = reason;
  place.hidden = false;
}

function showPrediction(card, found) {
  card.classList.remove("waiting");
  card.querySelector(".label").textContent = found.label;
  card.querySelector(".badge").hidden = !found.uncertain;
  card.querySelector(".hint").hidden = !found.uncertain;
  const ranked = Object.entries(found.probabilities).sort((a, b) => b[1] - a[1]);
  const bars = card.querySelector(".bars");
  bars.append(...ranked.map(([label, share], place) => bar(label, share, place)));
  if (ranked.length > SHOWN) foldable(card.querySelector(".more"), bars, ranked.length);
}

function bar(label, share, place) {
  const row = document.createElement("div");
  row.className = place === 0 ? "share first" : "share";
  const name = document.createElement("dt");
  name.textContent = label;
  const value = document.createElement("dd");
  value.textContent = percent(share);
  row.append(name, value, track(share));
  return row;
}

/** Draw a bar as SVG: its width is an attribute, so no inline style is needed. */
function track(share) {
  const space = "http://www.w3.org/2000/svg";
  const holder = document.createElement("dd");
  holder.className = "track";
  holder.setAttribute("aria-hidden", "true");
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("class", "fill");
  const fill = document.createElementNS(space, "rect");
  fill.setAttribute("width", percent(share));
  fill.setAttribute("height", "100%");
  picture.append(fill);
  holder.append(picture);
  return holder;
}

function foldable(button, bars, count) {
  const fold = (folded) => {
    [...bars.children].forEach((row, place) => { row.hidden = folded && place >= SHOWN; });
    button.textContent = folded ? `Show all ${count}` : "Show fewer";
    button.setAttribute("aria-expanded", String(!folded));
  };
  button.addEventListener("click", () => fold(button.getAttribute("aria-expanded") === "true"));
  button.hidden = false;
  fold(true);
}

async function showHeat(card, blob, label) {
  const heat = card.querySelector(".heat");
  heat.src = URL.createObjectURL(blob);
  await heat.decode();
  heat.alt = `Warm colours mark what spoke for ${label}`;
  heat.hidden = false;
  card.querySelector(".stage-note").hidden = true;
  if (card.querySelector(".photo").hidden) return; // nothing to fade to
  const slider = card.querySelector(".mix input");
  slider.addEventListener("input", () => fade(heat, slider));
  fade(heat, slider);
  card.querySelector(".mix").hidden = false;
}

/** Say that there is nothing to fade to, where a slider would show the plain picture twice. */
function showNoHeat(card, label) {
  const slider = card.querySelector(".mix input");
  slider.value = 0;
  slider.disabled = true;
  const note = card.querySelector(".mix-note");
  note.textContent = `No part of this picture speaks for “${label}” by itself: the heat map is `
    + "empty, usual with an untrained backbone.";
  note.hidden = false;
  card.querySelector(".mix").hidden = false;
}

function fade(heat, slider) {
  heat.style.opacity = String(slider.value / 100);
  slider.setAttribute("aria-valuetext", `${slider.value}% heat map`);
}

function summarise() {
  const cards = [...byId("results").children];
  const failed = cards.filter((card) => card.classList.contains("failed")).length;
  const open = cards.filter((card) => card.classList.contains("waiting")).length;
  const parts = [`${cards.length - failed - open} of ${cards.length} ${cards.length === 1 ? "picture" : "pictures"} labelled`];
  if (failed) parts.push(`${failed} not readable`);
  if (open) parts.push(`${open} to come`);
  byId("summary").textContent = parts.join(", ");
  byId("bar").hidden = cards.length === 0;
  byId("drop").classList.toggle("compact", cards.length > 0);
}

// --- pictures come in ----------------------------------------------------------------------

/** Take what was dropped: the browser gives a folder as a file that can't be read. */
function takeDropped(held) {
  const items = [...held.items].filter((item) => item.kind === "file");
  const single = items.filter((item) => !isFolder(item));
  const files = single.map((item) => item.getAsFile()).filter(Boolean);
  const folders = items.length > single.length;
  if (files.length || !folders) take(files);
  if (folders) tell("A folder can't be taken: open it and drop the pictures in it.");
}

const isFolder = (item) => Boolean(item.webkitGetAsEntry?.()?.isDirectory);

function take(files) {
  tell("");
  const added = [...files].map((file) => ({ file, card: newCard(file), round: state.round }));
  if (added.length === 0) tell("There is no picture in what was dropped or pasted.");
  byId("results").prepend(...added.map(({ card }) => card)); // the newest where people look
  state.waiting.push(...added);
  summarise();
  while (state.running < AT_ONCE && state.waiting.length) work();
}

/** Work through what waits, one picture after the other; a few of these run side by side. */
async function work() {
  state.running += 1;
  while (state.waiting.length) {
    const job = state.waiting.shift();
    await look(job);
    if (job.round === state.round) summarise();
  }
  state.running -= 1;
}

async function look({ file, card }) {
  try {
    if (state.limits && file.size > state.limits.body) {
      throw new Error(`This file has ${megabytes(file.size)}; ${megabytes(state.limits.body)} are allowed.`);
    }
    const [found] = await (await send("predict", file)).json();
    if (found.kind === "error") throw new Error(sentence(found.reason));
    showPrediction(card, found);
    summarise();
    if (state.explains) await explain(file, card, found.label);
  } catch (error) {
    showFailure(card, error.message);
  }
}

/** A picture keeps its label when it can't be shown where the network looked. */
async function explain(file, card, label) {
  try {
    const answer = await send("explain", file);
    if (answer.headers.get("Heat-Map") === "empty") showNoHeat(card, label);
    else await showHeat(card, await answer.blob(), label);
  } catch (error) {
    const note = card.querySelector(".mix-name");
    note.textContent = `Where it looked can't be shown. ${error.message}`;
    card.querySelectorAll(".mix input, .mix-from").forEach((part) => { part.hidden = true; });
    card.querySelector(".mix").hidden = false;
  }
}

function clear() {
  state.round += 1;
  state.waiting = [];
  document.querySelectorAll(".photo, .heat").forEach((image) => URL.revokeObjectURL(image.src));
  byId("results").replaceChildren();
  tell("");
  summarise();
  byId("choose").focus();
}

function listen() {
  byId("choose").addEventListener("click", () => byId("files").click());
  byId("files").addEventListener("change", (event) => {
    take(event.target.files);
    event.target.value = ""; // the same file may be chosen again
  });
  byId("clear").addEventListener("click", clear);
  document.addEventListener("paste", (event) => {
    if (event.clipboardData) take(event.clipboardData.files);
  });
  // The whole window takes drops: a file that misses the field would otherwise be opened instead.
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    byId("drop").classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) byId("drop").classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    byId("drop").classList.remove("over");
    takeDropped(event.dataTransfer);
  });
}

listen();
greet();
