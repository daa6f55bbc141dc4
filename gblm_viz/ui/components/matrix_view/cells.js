// Single weights: their numbers printed into the picture, and as a table for those who cannot see it.

import { append } from "../shared/dom.js";
import { isDark } from "./colours.js";
import { findColour } from "./pixels.js";
import { findVisible } from "./port.js";
import { describeCell, findStoredColumn, say } from "./wording.js";

/**
 * @typedef {import("./types.js").ShownView} ShownView
 * @typedef {import("./types.js").Tile} Tile
 */

/** Pixels of the page: from this size on, a cell has its number printed into it. */
export const PRINT_FROM = 28;
const WIDE_FROM = 52, MOST_CELLS = 400;

/** @param {ShownView} view */
export function drawCells(view) {
  const { brush, port, tile, palette, words } = view, { scale, ratio, left, top } = port;
  if (!tile || tile.step !== 1 || !tile.values || scale < PRINT_FROM * ratio - 1e-6) return;
  brush.save();
  drawGrid(view);
  brush.textAlign = "center";
  brush.textBaseline = "middle";
  for (let row = tile.row; row < tile.row + tile.height; row++) {
    for (let column = tile.column; column < tile.column + tile.width; column++) {
      const at = (row - tile.row) * tile.width + column - tile.column;
      brush.fillStyle = isDark(findColour(tile, at, palette)) ? "#ffffff" : "#000000";
      printCell(view, describeCell(tile, at, words), left + (column + 0.5) * scale, top + (row + 0.5) * scale);
    }
  }
  brush.restore();
}

/** @param {ShownView} view */
function drawGrid({ brush, port, value }) {
  const { scale, left, top, ratio } = port, seen = findVisible(port, value);
  brush.strokeStyle = "rgba(128,128,128,0.55)";
  brush.lineWidth = Math.max(1, Math.round(ratio));
  brush.beginPath();
  for (let row = seen.row; row <= seen.row + seen.rows; row++) {
    brush.moveTo(left + seen.column * scale, top + row * scale + 0.5);
    brush.lineTo(left + (seen.column + seen.columns) * scale, top + row * scale + 0.5);
  }
  for (let column = seen.column; column <= seen.column + seen.columns; column++) {
    brush.moveTo(left + column * scale + 0.5, top + seen.row * scale);
    brush.lineTo(left + column * scale + 0.5, top + (seen.row + seen.rows) * scale);
  }
  brush.stroke();
}

/**
 * @param {ShownView} view
 * @param {{ mark: string | null, said: string }} text
 * @param {number} x
 * @param {number} y
 */
function printCell({ brush, port, letters }, { mark, said }, x, y) {
  const { scale: cell, ratio } = port;
  if (mark !== null) {
    brush.font = "700 " + Math.round(Math.min(cell * 0.5, letters.head * ratio)) + "px sans-serif";
    brush.fillText(mark, x, y);
    return;
  }
  const [body, power] = said.split("e"), wide = cell >= WIDE_FROM * ratio;
  const size = Math.round(Math.min(letters.small * ratio, wide ? cell * 0.21 : cell * 0.33));
  brush.font = size + "px sans-serif";
  if (wide || power === undefined) {
    brush.fillText(said, x, y, cell - 3);
    return;
  }
  brush.fillText(body, x, y - size * 0.52, cell - 3);
  brush.fillText("e" + power, x, y + size * 0.58, cell - 3);
}

/**
 * List the weights in sight where they are few enough to be read.
 * @param {ShownView} view
 */
export function listCells(view) {
  const { parts, tile, value, words, port } = view, seen = findVisible(port, value);
  parts.cells.textContent = "";
  if (!tile || tile.step !== 1 || !tile.values || seen.rows * seen.columns > MOST_CELLS) {
    parts.cells.textContent = say(words, "table_zoom", { count: MOST_CELLS });
    return;
  }
  const table = document.createElement("table");
  table.createCaption().textContent = say(words, "cells", { title: value.title }) + " · " + tile.field.label;
  const head = table.createTHead().insertRow(), body = table.createTBody();
  append(head, "th");
  for (let column = seen.column; column < seen.column + seen.columns; column++)
    append(head, "th", "", String(findStoredColumn(value, column)));
  for (let row = seen.row; row < seen.row + seen.rows; row++) listRow(view, tile, body.insertRow(), row);
  parts.cells.append(table);
}

/**
 * @param {ShownView} view
 * @param {Tile} tile
 * @param {HTMLTableRowElement} line
 * @param {number} row
 */
function listRow({ value, words, port }, tile, line, row) {
  const seen = findVisible(port, value);
  append(line, "th", "", String(row));
  for (let column = seen.column; column < seen.column + seen.columns; column++) {
    const text = describeCell(tile, (row - tile.row) * tile.width + column - tile.column, words);
    const cell = append(line, "td", "", text.said);
    cell.dataset.row = String(row);
    cell.dataset.column = String(findStoredColumn(value, column));
    cell.dataset.value = String(text.number);
  }
}
