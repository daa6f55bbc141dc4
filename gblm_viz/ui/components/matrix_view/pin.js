// The pinned weight: marking it, saying its number, and telling the page.

import { fetchExact, hasPicture, isUnchanged } from "./requests.js";
import { describeBlock, findCategory, findStoredColumn, isRemoved, say } from "./wording.js";
import { revealWeight } from "./port.js";

/**
 * @typedef {import("./types.js").View} View
 * @typedef {import("./types.js").ShownView} ShownView
 * @typedef {import("./types.js").Block} Block
 */

/**
 * @param {ShownView} view
 * @param {number} row
 * @param {number} column
 * @param {boolean} loud whether the page is told
 */
export function setPin(view, row, column, loud) {
  view.pin = { row, column };
  view.root.dataset.pin = row + "," + findStoredColumn(view.value, column);
  view.drawSoon();
  describePin(view, loud);
}

/**
 * Say the pinned weight's own number, whatever is pooled on the screen.
 * @param {View} view
 * @param {boolean} loud
 */
export async function describePin(view, loud) {
  if (!view.pin || !hasPicture(view)) return;
  const mine = ++view.pinAsked, block = { ...view.pin, step: 1 }, { field } = view, { version } = view.value;
  const answer = await fetchExact(view, block);
  if (mine !== view.pinAsked || !view.pin || !isUnchanged(view, version, field)) return;
  const numbers = answer ? answer.numbers : null;
  view.pinText = numbers ? say(view.words, "pinned", { text: describeBlock(view, block, numbers, true) }) : "";
  view.parts.pinned.textContent = view.pinText;
  if (!loud) return;
  const { row } = block, column = findStoredColumn(view.value, block.column);
  view.trigger("select", {
    row, column, index: [row, column], value: choosePinNumber(numbers, field), field: field.id, key: view.value.key });
}

/**
 * Return the number that the page is told: a category, 0 or 1 of a mask, a weight's value; null for none.
 * @param {number[] | null} numbers
 * @param {Pick<import("./types.js").Field, "pooling">} field
 */
export function choosePinNumber(numbers, field) {
  if (!numbers) return null;
  if (numbers.length === 3) return findCategory(numbers);
  const number = field.pooling === "chance" ? Number(isRemoved(field, numbers[0])) : numbers[0];
  return Number.isFinite(number) ? number : null;
}

/**
 * @param {View} view
 * @param {boolean} loud
 */
export function clearPin(view, loud) {
  if (!view.pin) return;
  view.pin = null;
  view.pinAsked++;
  delete view.root.dataset.pin;
  view.parts.pinned.textContent = "";
  view.drawSoon();
  if (loud) view.trigger("clear", {});
}

/**
 * Pin a block's weight: of a pooled pixel, the one that gave it its colour; of a mean, the one under the pointer.
 * @param {ShownView} view
 * @param {Block} block
 */
export async function pinBlock(view, block) {
  const { pooling } = view.field;
  if (block.step === 1 || (pooling !== "max" && pooling !== "extreme")) {
    setPin(view, block.exactRow, block.exactColumn, true);
    return;
  }
  const answer = await fetchExact(view, block);
  const [row, column] = answer?.strongest || [block.exactRow, block.exactColumn];
  if (hasPicture(view) && row < view.value.rows && column < view.value.columns) setPin(view, row, column, true);
}

/**
 * @param {View} view
 * @param {number} row
 * @param {number} column
 */
export function bringIntoSight(view, row, column) {
  if (revealWeight(view.port, row, column)) view.applyMove();
}
