// Keys on the canvas: arrows move the pin or the view, + − 0 zoom, Enter pins, Esc unpins. What a key did is told in words beside the
// picture, for those who do not see it.

import { findBlock } from "./block.js";
import { chooseStep } from "./ladder.js";
import { ZOOM_STEP, fit, zoomTo } from "./moving.js";
import { describeSpans } from "./legend.js";
import { bringIntoSight, clearPin, describePin, pinBlock, setPin } from "./pin.js";
import { showReading } from "./reading.js";
import { isReady } from "./requests.js";

/**
 * @typedef {import("./types.js").View} View
 * @typedef {import("./types.js").ShownView} ShownView
 */

/** @type {ReadonlyMap<string, readonly [down: number, along: number]>} */
const ARROWS = new Map([["ArrowLeft", [0, -1]], ["ArrowRight", [0, 1]], ["ArrowUp", [-1, 0]], ["ArrowDown", [1, 0]]]);
const REST = 200; // milliseconds: one event for a key held down

/** @type {ReadonlyMap<string, number>} */
const ZOOMS = new Map([["+", ZOOM_STEP], ["=", ZOOM_STEP], ["-", 1 / ZOOM_STEP], ["_", 1 / ZOOM_STEP], ["−", 1 / ZOOM_STEP]]);

/** @param {View} view */
export function listenToKeys(view) {
  view.canvas.addEventListener("keydown", (event) => {
    view.parts.pinned.setAttribute("aria-live", "polite");
    if (event.ctrlKey || event.metaKey || event.altKey || !isReady(view) || !pressKey(view, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/**
 * Do what a key asks for; return whether it asks for something.
 * @param {ShownView} view
 * @param {string} key
 */
function pressKey(view, key) {
  const arrow = ARROWS.get(key), times = ZOOMS.get(key);
  if (arrow) moveByArrow(view, ...arrow);
  else if (times) zoomAtPin(view, times);
  else if (key === "0") fit(view);
  else if (key === "Enter") pinPointed(view);
  else if (key === "Escape" && view.pin) clearPin(view, true);
  else return false;
  return true;
}

/**
 * Move the pin, or without one the view; where all is in sight there is nothing to move, so the middle is pinned.
 * @param {ShownView} view
 * @param {number} down
 * @param {number} along
 */
function moveByArrow(view, down, along) {
  const { port, pin, value, words } = view, step = chooseStep(port.scale);
  if (!pin && port.fitted) {
    pinPointed(view);
    return;
  }
  clearTimeout(view.announcing);
  if (!pin) {
    port.left -= along * Math.max(port.scale, port.width / 8);
    port.top -= down * Math.max(port.scale, port.height / 8);
    view.applyMove();
    view.announcing = setTimeout(() => {
      view.parts.hover.setAttribute("aria-live", "polite");
      showReading(view, describeSpans(port, value, words));
    }, REST);
    return;
  }
  const row = clampIndex(pin.row + down * step, value.rows), column = clampIndex(pin.column + along * step, value.columns);
  setPin(view, row, column, false);
  bringIntoSight(view, row, column);
  view.announcing = setTimeout(() => { if (view.pin) describePin(view, true); }, REST);
}

/**
 * Return the number, or the nearest from 0 to one below the count.
 * @param {number} number
 * @param {number} count
 */
export function clampIndex(number, count) {
  return Math.min(count - 1, Math.max(0, number));
}

/**
 * @param {ShownView} view
 * @param {number} times
 */
function zoomAtPin(view, times) {
  const { port, pin } = view;
  const x = pin ? port.left + (pin.column + 0.5) * port.scale : port.width / 2;
  const y = pin ? port.top + (pin.row + 0.5) * port.scale : port.height / 2;
  zoomTo(view, port.scale * times, x, y);
}

/**
 * Pin what is pointed at, or else what is in the middle.
 * @param {ShownView} view
 */
function pinPointed(view) {
  const { width, height } = view.port, block = findBlock(view) || findBlock(view, { x: width / 2, y: height / 2 });
  if (block) pinBlock(view, block);
}
