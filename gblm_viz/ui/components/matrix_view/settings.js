// What the page's controls say now, for a picture that follows them while they move.

/**
 * @typedef {import("./types.js").View} View
 * @typedef {import("./types.js").Followed} Followed
 */

/** @param {HTMLInputElement} input */
export function isList(input) {
  return input.getAttribute("role") === "combobox";
}

/**
 * Return the value of an input: a text of a list or a choice, of anything else a number.
 * @param {HTMLInputElement} input
 * @param {Record<string, string>} choices shown text → value, where the two differ
 */
export function readInput(input, choices) {
  if (isList(input)) return input.value in choices ? choices[input.value] : input.value;
  return input.type === "radio" ? input.value : Number(input.value);
}

/**
 * Return what a slider, a number box, a choice or a list says; null where it is not shown and plays no part.
 * @param {Followed} control
 * @param {HTMLInputElement} moved the input that moved last: of a slider's two it is the one to read
 */
function readControl({ place, choices }, moved) {
  /** @type {HTMLElement | null} */
  const home = document.querySelector(place);
  if (!home || !home.offsetParent) return null;
  /** @type {HTMLInputElement | null} */
  const input = home.contains(moved) ? moved
    : home.querySelector("input:checked, input[type=number], input[role=combobox]");
  return input ? readInput(input, choices) : null;
}

/**
 * Read the controls, if one has moved: once a request, not once a move, since reading them lays the page out anew.
 * @param {View} view
 */
export function readControls(view) {
  const { heard, value } = view;
  if (!heard || !value) return;
  view.live = {};
  for (const [name, control] of Object.entries(value.live || {})) {
    const now = readControl(control, heard);
    if (now !== null) view.live[name] = now;
  }
  view.heard = null;
  view.root.dataset.live = JSON.stringify(view.live);
}
