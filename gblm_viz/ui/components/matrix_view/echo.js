// Views in sight whose matrices have one shape show the same matrix in several ways (its mask, Wanda's, a shuffled one):
// what one is pointed at, the others frame and read out as well. Nothing is chosen by that.

import { listenWhile } from "../shared/dom.js";
import { findBlock } from "./block.js";
import { readPointer } from "./reading.js";
import { findStoredColumn } from "./wording.js";

/**
 * @typedef {import("./types.js").View} View
 * @typedef {import("./types.js").Place} Place
 * @typedef {CustomEvent<{ from: HTMLElement, rows: number | null, columns: number | null, at: Place | null }>} Hover
 */

/**
 * Tell the page what is pointed at, as stored.
 * @param {View} view
 */
export function sendEcho(view) {
  const { value, pointer, drag, root } = view, block = pointer && !drag ? findBlock(view) : null;
  const at = value && block && { row: block.exactRow, column: findStoredColumn(value, block.exactColumn) };
  document.dispatchEvent(new CustomEvent("weight-hover", {
    detail: { from: root, rows: value && value.rows, columns: value && value.columns, at } }));
}

/** @param {View} view */
export function listenToEchoes(view) {
  listenWhile(view.element, "weight-hover", (/** @type {Hover} */ { detail }) => {
    const { value, root } = view;
    if (detail.from === root || !value || !root.offsetParent) return;
    view.echo = detail.rows === value.rows && detail.columns === value.columns ? detail.at : null;
    if (view.pointer) return;
    readPointer(view);
    view.drawSoon();
  });
}
