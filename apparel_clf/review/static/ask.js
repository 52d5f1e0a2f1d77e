// Asks a person: whether to do something, or for a class's name.

import { make } from "./cells.js";

const dialog = document.getElementById("ask");
const input = dialog.querySelector("input");
const sure = dialog.querySelector(".main");

dialog.querySelector(".cancel").addEventListener("click", () => dialog.close("no"));

/** Resolves to whether the person said yes; `does` is what the button for that says. */
export function askWhether(title, text, does) {
  input.hidden = true;
  return answered(title, text, does, sure, () => true, false);
}

/** Resolves to a name, one of those that are known or another; "" for none. */
export function askName(title, text, known) {
  input.hidden = false;
  input.value = "";
  document.getElementById("labels")
    .replaceChildren(...known.map((value) => make("option", "", { value })));
  return answered(title, text, "OK", input, () => input.value.trim(), "");
}

function answered(title, text, does, first, yes, no) {
  sure.textContent = does;
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector("p").textContent = text;
  dialog.returnValue = "no";
  dialog.showModal();
  first.focus();
  return new Promise((resolve) => {
    const ended = () => resolve(dialog.returnValue === "yes" ? yes() : no);
    dialog.addEventListener("close", ended, { once: true });
  });
}
