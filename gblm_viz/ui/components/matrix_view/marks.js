// What is drawn over the matrix: the pinned weight, the place pointed at, and the borders of heads.

import { findBlock } from "./block.js";
import { PRINT_FROM } from "./cells.js";

/** @typedef {import("./types.js").ShownView} ShownView */

const FRAME_FROM = 6; // pixels of the page: from this size on, a frame around a block says where it is
const HEADS_FROM = 10; // pixels of the page between two heads from which on their borders are drawn
const SMALLEST_FRAME = 9, SIDES = [[1, 0], [-1, 0], [0, 1], [0, -1]];

/**
 * @param {ShownView} view
 * @returns {string}
 */
function readTextColour({ theme }) {
  return theme ? theme.text : "";
}

/** @param {ShownView} view */
export function drawPin({ pin, brush, port, palette }) {
  if (!pin) return;
  const { scale, left, top, ratio } = port;
  const x = left + (pin.column + 0.5) * scale, y = top + (pin.row + 0.5) * scale;
  const size = Math.max(scale, SMALLEST_FRAME * ratio);
  for (const [wide, colour] of /** @type {[number, string][]} */ ([[4, "rgba(255,255,255,0.9)"], [2, palette.selected]])) {
    brush.lineWidth = wide * ratio;
    brush.strokeStyle = colour;
    brush.strokeRect(x - size / 2, y - size / 2, size, size);
  }
  if (scale >= PRINT_FROM * ratio) return;
  brush.beginPath(); // short lines on all sides, so that a mark of nine pixels is found again
  for (const [dx, dy] of SIDES) {
    brush.moveTo(x + dx * 7 * ratio, y + dy * 7 * ratio);
    brush.lineTo(x + dx * 14 * ratio, y + dy * 14 * ratio);
  }
  brush.stroke();
}

/** @param {ShownView} view */
export function drawPointer(view) {
  const { brush, drag, port } = view, { scale, left, top, ratio } = port, block = findBlock(view);
  if (!block || drag || block.step * scale < FRAME_FROM * ratio) return;
  brush.lineWidth = Math.max(1, ratio);
  brush.strokeStyle = readTextColour(view);
  brush.strokeRect(left + block.column * scale + 0.5, top + block.row * scale + 0.5, block.step * scale, block.step * scale);
}

/**
 * Return the rows and columns of one head, 0 where their borders would be too close.
 * @param {Pick<ShownView, "value" | "port">} view
 */
export function findShownHeads({ value, port }) {
  return (value.heads || [0, 0]).map((size) => (size * port.scale >= HEADS_FROM * port.ratio ? size : 0));
}

/** @param {ShownView} view */
export function drawHeads(view) {
  const { brush, port, value } = view, { scale, left, top, width, height, ratio } = port, [rows, columns] = findShownHeads(view);
  if (!rows && !columns) return;
  const right = Math.min(width, left + value.columns * scale), bottom = Math.min(height, top + value.rows * scale);
  brush.save();
  brush.lineWidth = Math.max(1, ratio);
  brush.beginPath();
  for (let row = rows; rows && row < value.rows; row += rows) {
    const y = Math.round(top + row * scale) + 0.5; // the middle of a pixel: a sharp line
    brush.moveTo(Math.max(0, left), y);
    brush.lineTo(right, y);
  }
  for (let column = columns; columns && column < value.columns; column += columns) {
    const x = Math.round(left + column * scale) + 0.5;
    brush.moveTo(x, Math.max(0, top));
    brush.lineTo(x, bottom);
  }
  for (const [colour, dash] of /** @type {[string, number[]][]} */ ([["rgba(255,255,255,0.9)", []], ["#000000", [5 * ratio, 5 * ratio]]])) {
    brush.strokeStyle = colour;
    brush.setLineDash(dash);
    brush.stroke();
  }
  brush.restore();
}

/**
 * Draw where the place pointed at is on both strips, and lines to it where a frame around it would be too small.
 * @param {ShownView} view
 */
export function drawCrosshair(view) {
  const { brush, port, drag, value, parts } = view, { scale, left, top, width, height, ratio } = port, block = findBlock(view);
  if (!block || drag) return;
  const x = left + (block.column + block.step / 2) * scale, y = top + (block.row + block.step / 2) * scale;
  drawOnStrip(view, parts.columns, [x, 0], [x, parts.columns.height]);
  drawOnStrip(view, parts.rows, [0, y], [parts.rows.width, y]);
  if (block.step * scale >= FRAME_FROM * ratio) return; // a frame around the cell says it, and covers no other
  brush.save();
  brush.lineWidth = Math.max(1, ratio);
  brush.strokeStyle = readTextColour(view);
  brush.globalAlpha = 0.35;
  brush.beginPath();
  brush.moveTo(x, Math.max(0, top));
  brush.lineTo(x, Math.min(height, top + value.rows * scale));
  brush.moveTo(Math.max(0, left), y);
  brush.lineTo(Math.min(width, left + value.columns * scale), y);
  brush.stroke();
  brush.restore();
}

/**
 * @param {ShownView} view
 * @param {HTMLCanvasElement} strip
 * @param {[x: number, y: number]} from
 * @param {[x: number, y: number]} to
 */
function drawOnStrip({ port, palette }, strip, from, to) {
  const paint = /** @type {CanvasRenderingContext2D} */ (strip.getContext("2d"));
  paint.setTransform(1, 0, 0, 1, 0, 0);
  paint.lineWidth = 2 * port.ratio;
  paint.strokeStyle = palette.selected;
  paint.beginPath();
  paint.moveTo(...from);
  paint.lineTo(...to);
  paint.stroke();
}
