// Buttons that ask what a model was taught: each click asks the next of the button's questions. Every word comes in props.value.

import { append, find } from "../shared/dom.js";

/**
 * @typedef {{ name: string, title: string, examples: string[] }} Chip
 * @typedef {{ label: string, chips: Chip[], note: string }} Value
 */

/** @type {Value} */
const NOTHING = { label: "", chips: [], note: "" };

/** @param {import("../shared/gradio.js").Gradio<Value>} gradio */
export function start({ element, props, trigger, watch }) {
  const root = find(element, ".skill-chips"), row = find(root, ".skill-row"), asked = new Map();
  let drawn = "";
  const accept = () => {
    const { label, chips, note } = props.value || NOTHING;
    root.hidden = !chips.length;
    find(root, ".skill-note").textContent = note;
    const now = JSON.stringify([label, chips]);
    if (now === drawn) return; // a note alone leaves the buttons, and the focus on them
    drawn = now;
    row.setAttribute("aria-label", label);
    find(row, ".skill-label").textContent = label;
    for (const old of row.querySelectorAll("button")) old.remove();
    for (const chip of chips) drawChip(row, chip, () => trigger("select", { question: chooseExample(asked, chip) }));
  };
  watch("value", accept);
  accept();
}

/**
 * @param {HTMLElement} row
 * @param {Chip} chip
 * @param {() => void} ask
 */
function drawChip(row, { name, title }, ask) {
  const button = append(row, "button", "", name);
  button.type = "button";
  button.title = title;
  button.addEventListener("click", ask);
}

/**
 * Return the next of a button's questions, and remember it; after the last one the first follows.
 * @param {Map<string, number>} asked how often each button was clicked, by its name
 * @param {Chip} chip
 */
export function chooseExample(asked, { name, examples }) {
  const count = asked.get(name) || 0;
  asked.set(name, count + 1);
  return examples[count % examples.length];
}
