// Geometry of the part of a matrix that is on the canvas. Changes a port, draws nothing.

import { findFitScale, findLargestScale, snapScale } from "./ladder.js";

/**
 * @typedef {import("./types.js").Port} Port
 * @typedef {import("./types.js").Shape} Shape
 * @typedef {{ width: number, height: number, ratio: number }} Size
 */

/** @returns {Port} */
export function makePort() {
  return { scale: 1, wish: 1, left: 0, top: 0, width: 0, height: 0, ratio: 1, fitted: true, anchor: null };
}

/**
 * Keep the matrix in sight: in the middle where there is room around it, else without room at its edges.
 * @param {Port} port
 * @param {Shape} shape
 */
export function clampPort(port, shape) {
  const wide = shape.columns * port.scale, tall = shape.rows * port.scale;
  port.left = clampSide(port.left, wide, port.width);
  port.top = clampSide(port.top, tall, port.height);
}

/**
 * @param {number} corner
 * @param {number} size
 * @param {number} room
 */
function clampSide(corner, size, room) {
  return Math.round(size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, corner)));
}

/**
 * Return the weights in sight, those that are cut off by an edge included.
 * @param {Port} port
 * @param {Shape} shape
 */
export function findVisible({ scale, left, top, width, height }, shape) {
  const row = Math.max(0, Math.floor(-top / scale + 1e-6)), column = Math.max(0, Math.floor(-left / scale + 1e-6));
  return {
    row, column,
    rows: Math.min(shape.rows, Math.ceil((height - top) / scale - 1e-6)) - row,
    columns: Math.min(shape.columns, Math.ceil((width - left) / scale - 1e-6)) - column,
  };
}

/**
 * Return the tile that shows the weights in sight, with edges where the server's groups of `step` have theirs.
 * @param {import("./types.js").Place & Shape} seen
 * @param {number} step
 * @returns {import("./types.js").Piece}
 */
export function alignPiece(seen, step) {
  const row = Math.floor(seen.row / step) * step, column = Math.floor(seen.column / step) * step;
  const height = Math.ceil((seen.row + seen.rows - row) / step), width = Math.ceil((seen.column + seen.columns - column) / step);
  return { row, column, rows: height * step, columns: width * step, height, width };
}

/**
 * Zoom so that what lies at x, y stays there. Return whether the scale has changed.
 *
 * The corner is rounded to whole pixels at each step. The place zoomed into is therefore remembered, in the returned
 * anchor, or it would drift away over several steps.
 * @param {Port} port
 * @param {Shape} shape
 * @param {number} wanted
 * @param {number} x
 * @param {number} y
 * @returns {Port["anchor"]} null if the scale stays
 */
export function zoomPort(port, shape, wanted, x, y) {
  port.wish = Math.min(findLargestScale(shape, port), Math.max(findFitScale(shape, port), wanted));
  const next = snapScale(port.wish, shape, port), { anchor, left, top, scale } = port;
  if (next === scale) return null;
  const held = anchor && anchor.x === x && anchor.y === y ? anchor
    : { x, y, column: (x - left) / scale, row: (y - top) / scale };
  port.scale = next;
  port.left = x - held.column * next;
  port.top = y - held.row * next;
  return held;
}

/**
 * Move so that the middle of the canvas shows the given place, in weights.
 * @param {Port} port
 * @param {number} row
 * @param {number} column
 */
export function centrePort(port, row, column) {
  port.left = port.width / 2 - column * port.scale;
  port.top = port.height / 2 - row * port.scale;
}

/**
 * Move a weight to the middle, in each direction in which it is outside or too near to an edge. Return whether it was.
 * @param {Port} port
 * @param {number} row
 * @param {number} column
 */
export function revealWeight(port, row, column) {
  const { scale, width, height, ratio } = port, edge = Math.min(scale, 20 * ratio);
  const x = port.left + (column + 0.5) * scale, y = port.top + (row + 0.5) * scale;
  const outsideX = x < edge || x > width - edge, outsideY = y < edge || y > height - edge;
  if (outsideX) port.left += width / 2 - x;
  if (outsideY) port.top += height / 2 - y;
  return outsideX || outsideY;
}

/**
 * Return the canvas size for a box of the page, with no more than `most` pixels in all.
 * @param {{ width: number, height: number }} box
 * @param {number} deviceRatio
 * @param {number} most
 * @returns {Size}
 */
export function computeSize(box, deviceRatio, most) {
  const ratio = Math.min(deviceRatio, Math.sqrt(most / (box.width * box.height)));
  return { ratio, width: Math.max(1, Math.round(box.width * ratio)), height: Math.max(1, Math.round(box.height * ratio)) };
}
