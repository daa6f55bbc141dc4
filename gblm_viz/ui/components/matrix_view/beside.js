// Pointing at and clicking on the strips beside the matrix, and the box that goes to a weight.

import { PRINT_FROM } from "./cells.js";
import { snapScale } from "./ladder.js";
import { formatPercent } from "./numbers.js";
import { bringIntoSight, setPin } from "./pin.js";
import { centrePort, findVisible } from "./port.js";
import { showReading } from "./reading.js";
import { findProfile, hasPicture, isReady } from "./requests.js";
import { chooseMeasure, findShownColumn, findStoredColumn, formatWithUnit, isShare, say } from "./wording.js";
import { AXES } from "./strips.js";

/**
 * @typedef {import("./types.js").View} View
 * @typedef {import("./types.js").ShownView} ShownView
 * @typedef {"columns" | "rows"} Axis
 */

/** @param {View} view */
export function listenToStrips(view) {
  for (const axis of AXES) {
    const strip = view.parts[axis];
    strip.addEventListener("pointermove", (event) => showReading(view, hasPicture(view) ? describeLine(view, axis, event) : ""));
    strip.addEventListener("pointerleave", () => showReading(view, ""));
    strip.addEventListener("click", (event) => { if (isReady(view)) pinOnLine(view, axis, event); });
  }
  view.parts.goto.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key !== "Enter" || !isReady(view)) return;
    event.preventDefault();
    goTo(view, view.parts.goto.value);
  });
}

/**
 * Return the column, or row, of a place on a strip; null outside the matrix.
 * @param {View} view
 * @param {Axis} axis
 * @param {MouseEvent} event
 */
function findLine(view, axis, event) {
  if (!isReady(view)) return null;
  const { port, value } = view, box = view.parts[axis].getBoundingClientRect(), columns = axis === "columns";
  const pixel = columns ? (event.clientX - box.left) * port.ratio - port.left : (event.clientY - box.top) * port.ratio - port.top;
  const place = Math.floor(pixel / port.scale);
  return place >= 0 && place < (columns ? value.columns : value.rows) ? place : null;
}

/**
 * Return what is measured of the line pointed at; "" if nothing is.
 * @param {ShownView} view
 * @param {Axis} axis
 * @param {MouseEvent} event
 */
function describeLine(view, axis, event) {
  const { value, field, words } = view, at = findLine(view, axis, event), lines = findProfile(view);
  if (at === null || !lines) return "";
  const number = lines[axis][at], column = axis === "columns";
  return say(words, "profile", {
    line: column ? say(words, "line_column", { at: findStoredColumn(value, at) }) : say(words, "line_row", { at }),
    measure: words["measure_" + chooseMeasure(field)],
    value: isShare(field) ? formatPercent(number, words.none) : formatWithUnit(number, field, words.none) });
}

/**
 * Pin a weight of the line pointed at: in the pin's row or column, or else in the middle of what is in sight.
 * @param {ShownView} view
 * @param {Axis} axis
 * @param {MouseEvent} event
 */
function pinOnLine(view, axis, event) {
  const at = findLine(view, axis, event), seen = findVisible(view.port, view.value);
  if (at === null) return;
  const other = view.pin || { row: seen.row + Math.floor(seen.rows / 2), column: seen.column + Math.floor(seen.columns / 2) };
  const { row, column } = axis === "rows" ? { ...other, row: at } : { ...other, column: at };
  setPin(view, row, column, true);
  bringIntoSight(view, row, column);
}

/**
 * Return the row and the stored column that a text names; null if it names none of this matrix.
 * @param {string} text
 * @param {import("./types.js").Shape} shape
 * @returns {[row: number, column: number] | null}
 */
export function parsePlace(text, shape) {
  const numbers = (text.match(/[0-9]+/g) || []).map(Number), [row, column] = numbers;
  return numbers.length === 2 && row < shape.rows && column < shape.columns ? [row, column] : null;
}

/**
 * Zoom in to the weight that a text names, and pin it.
 * @param {ShownView} view
 * @param {string} text
 */
function goTo(view, text) {
  const { port, value, words } = view, place = parsePlace(text, value);
  if (!place) {
    showReading(view, say(words, "goto_outside", { rows: value.rows - 1, columns: value.columns - 1 }));
    return;
  }
  const [row, stored] = place, column = findShownColumn(value, stored);
  port.scale = port.wish = Math.max(port.scale, snapScale(PRINT_FROM * port.ratio, value, port));
  centrePort(port, row + 0.5, column + 0.5);
  view.applyMove();
  setPin(view, row, column, true);
}
