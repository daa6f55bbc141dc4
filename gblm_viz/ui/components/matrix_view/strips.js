// The strips beside the matrix: a measure of each of its columns and of each of its rows.

import { findProfile } from "./requests.js";

/**
 * @typedef {import("./types.js").ShownView} ShownView
 * @typedef {import("./types.js").Profile} Profile
 * @typedef {CanvasRenderingContext2D} Paint
 */

export const AXES = /** @type {const} */ (["columns", "rows"]);

/** @param {ShownView} view */
export function drawProfiles(view) {
  const { parts, port, value } = view, { left, top, width, ratio, scale } = port, lines = findProfile(view);
  // where the matrix leaves room in its stage the strips stand close to it
  parts.columns.style.transform = "translateY(" + Math.max(0, top) / ratio + "px)";
  parts.rows.style.transform = "translateX(" + -Math.max(0, width - left - value.columns * scale) / ratio + "px)";
  for (const axis of AXES) {
    const strip = parts[axis], box = strip.getBoundingClientRect();
    const wide = Math.max(1, Math.round(box.width * ratio)), tall = Math.max(1, Math.round(box.height * ratio));
    if (strip.width !== wide || strip.height !== tall) Object.assign(strip, { width: wide, height: tall });
    const paint = /** @type {Paint} */ (strip.getContext("2d"));
    paint.setTransform(1, 0, 0, 1, 0, 0);
    paint.clearRect(0, 0, wide, tall);
    // one way of drawing for both: x runs along the matrix, y away from it
    if (axis === "columns") paint.setTransform(1, 0, 0, -1, 0, tall);
    else paint.setTransform(0, 1, 1, 0, 0, 0);
    const [length, room] = axis === "columns" ? [wide, tall] : [tall, wide];
    if (lines) drawLine(view, paint, lines, axis, { length, room: room - 2 * ratio });
  }
}

/**
 * @param {ShownView} view
 * @param {Paint} paint
 * @param {Profile} profile
 * @param {"columns" | "rows"} axis
 * @param {{ length: number, room: number }} strip its length, and the height of the largest measure
 */
function drawLine({ port, theme, palette }, paint, profile, axis, { length, room }) {
  const { scale, ratio } = port, line = profile[axis], corner = axis === "columns" ? port.left : port.top, { most, mean } = profile;
  paint.fillStyle = theme ? theme.text : "";
  for (let along = Math.max(0, corner); along < length; along++) {
    const { first, last } = findRange(along - corner, scale);
    if (first >= line.length) break;
    const { high, middle } = summarizeLine(line, first, last);
    if (Number.isNaN(middle)) continue;
    paint.globalAlpha = 0.28; // the largest of those that share a pixel …
    paint.fillRect(along, 0, 1, room * high / most);
    paint.globalAlpha = 0.6; // … and their mean
    paint.fillRect(along, 0, 1, room * middle / most);
  }
  paint.globalAlpha = 1;
  paint.strokeStyle = palette.selected;
  paint.lineWidth = ratio;
  paint.setLineDash([4 * ratio, 3 * ratio]); // the mean of the whole matrix
  paint.beginPath();
  paint.moveTo(Math.max(0, corner), room * mean / most);
  paint.lineTo(Math.min(length, corner + line.length * scale), room * mean / most);
  paint.stroke();
  paint.setLineDash([]);
}

/**
 * Return the first and the last column, or row, that a pixel shows.
 * @param {number} pixel from the matrix's corner
 * @param {number} scale
 */
export function findRange(pixel, scale) {
  const first = Math.floor(pixel / scale + 1e-6);
  return { first, last: Math.max(first, Math.ceil((pixel + 1) / scale - 1e-6) - 1) };
}

/**
 * Return the largest and the mean of some measures, those that are NaN left out; a mean of NaN if all are.
 * @param {Float32Array} line
 * @param {number} first
 * @param {number} last
 */
export function summarizeLine(line, first, last) {
  let sum = 0, high = 0, many = 0;
  for (let at = first; at <= Math.min(last, line.length - 1); at++) {
    if (Number.isNaN(line[at])) continue;
    sum += line[at];
    high = Math.max(high, line[at]);
    many++;
  }
  return { high, middle: many ? sum / many : NaN };
}
