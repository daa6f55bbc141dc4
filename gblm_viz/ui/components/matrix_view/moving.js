// Zooming and fitting a view.

import { findFitScale } from "./ladder.js";
import { zoomPort } from "./port.js";

/** @typedef {import("./types.js").ShownView} ShownView */

export const ZOOM_STEP = 1.6;

/**
 * @param {ShownView} view
 * @param {number} wanted
 * @param {number} x
 * @param {number} y
 */
export function zoomTo(view, wanted, x, y) {
  const anchor = zoomPort(view.port, view.value, wanted, x, y);
  if (!anchor) return;
  view.applyMove(); // forgets the anchor of the move before
  view.port.anchor = anchor;
}

/** @param {ShownView} view */
export function fit(view) {
  view.port.scale = view.port.wish = findFitScale(view.value, view.port);
  view.applyMove();
}

/**
 * Return whether all of the matrix is in sight.
 * @param {ShownView} view
 */
export function isFitted({ port, value }) {
  return port.scale <= findFitScale(value, port) * (1 + 1e-9);
}

/**
 * Zoom in or out around the middle of the canvas.
 * @param {ShownView} view
 * @param {number} times
 */
export function zoomMiddle(view, times) {
  zoomTo(view, view.port.scale * times, view.port.width / 2, view.port.height / 2);
}
