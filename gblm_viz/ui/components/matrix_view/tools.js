// The buttons: zoom, fit, table, and what is saved.

import { find } from "../shared/dom.js";
import { ZOOM_STEP, fit, zoomMiddle } from "./moving.js";
import { isReady } from "./requests.js";
import { saveNumbers } from "./saving_numbers.js";
import { savePicture } from "./saving_picture.js";

/**
 * @typedef {import("./types.js").View} View
 * @typedef {import("./types.js").ShownView} ShownView
 */

/** @type {Readonly<Record<string, { word: string, act: (view: ShownView) => void }>>} */
const TOOLS = {
  in: { word: "zoom_in", act: (view) => zoomMiddle(view, ZOOM_STEP) },
  out: { word: "zoom_out", act: (view) => zoomMiddle(view, 1 / ZOOM_STEP) },
  fit: { word: "fit", act: fit },
  table: { word: "table", act: toggleTable },
  png: { word: "save_picture", act: savePicture },
  csv: { word: "save_numbers", act: saveNumbers },
};

/** @param {View} view */
export function listenToTools(view) {
  for (const [name, { act }] of Object.entries(TOOLS))
    findButton(view, name).addEventListener("click", () => { if (isReady(view)) act(view); });
}

/** @param {View} view */
export function nameTools(view) {
  for (const [name, { word }] of Object.entries(TOOLS)) {
    const made = findButton(view, name);
    made.title = view.words[word];
    made.setAttribute("aria-label", made.title);
  }
}

/**
 * @param {View} view
 * @param {string} name
 */
function findButton({ root }, name) {
  return find(root, "[data-do=" + name + "]");
}

/** @param {View} view */
function toggleTable(view) {
  findButton(view, "table").setAttribute("aria-pressed", String(view.root.classList.toggle("tabled")));
}
