// Votes by single keys: A, B, C for a place, T for no difference, U to take one back, R to reveal. Knows the buttons by their ids alone.

import { isInside, listenWhile } from "./shared/dom.js";

/** @type {Readonly<Record<string, string>>} */
const BUTTONS = { a: "vote-a", b: "vote-b", c: "vote-c", t: "vote-tie", u: "vote-undo", r: "reveal" };
const TYPING = "input, textarea, select, [contenteditable=true]";

/**
 * Return the id of the button that a key presses, "" for none.
 * @param {Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey">} event
 */
export function chooseButton(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return "";
  const key = event.key.toLowerCase();
  return Object.hasOwn(BUTTONS, key) ? BUTTONS[key] : "";
}

/** @param {import("./shared/gradio.js").Gradio<string>} gradio */
export function start({ element }) {
  listenWhile(element, "keydown", (/** @type {KeyboardEvent} */ event) => {
    const id = chooseButton(event), button = id ? document.getElementById(id) : null;
    if (!(button instanceof HTMLButtonElement) || isInside(event.target, TYPING)) return;
    if (button.disabled || !button.checkVisibility()) return;
    event.preventDefault();
    button.click();
  });
}
