// The block of weights that is pointed at, in this view or in another one.

import { chooseStep } from "./ladder.js";
import { findShownColumn } from "./wording.js";

/**
 * @typedef {import("./types.js").View} View
 * @typedef {import("./types.js").Block} Block
 */

/**
 * Return the block under the pointer, or under the one in another view, aligned as the server pools them.
 * @param {View} view
 * @param {import("./types.js").Point | null} [pointer]
 * @returns {Block | null}
 */
export function findBlock({ value, tile, port, echo, pointer: own }, pointer = own) {
  if (!value || !tile) return null;
  let at = echo && { row: echo.row, column: findShownColumn(value, echo.column) };
  if (pointer) at = { row: Math.floor((pointer.y - port.top) / port.scale), column: Math.floor((pointer.x - port.left) / port.scale) };
  if (!at || at.row < 0 || at.column < 0 || at.row >= value.rows || at.column >= value.columns) return null;
  const step = chooseStep(port.scale), { row, column } = at;
  return { row: Math.floor(row / step) * step, column: Math.floor(column / step) * step, step, exactRow: row, exactColumn: column };
}
