// What is said of weights: a cell's mark, a value in words, a place in a sentence. Knows no canvas and no view.

import { fillSentence } from "../shared/sentences.js";
import { FOUR_MARKS, MASK_MARKS } from "./colours.js";
import { formatCount, formatNumber, formatPercent, formatSpan } from "./numbers.js";

/**
 * @typedef {import("./types.js").Field} Field
 * @typedef {import("./types.js").Tile} Tile
 * @typedef {import("./types.js").Value} Value
 * @typedef {import("./types.js").Words} Words
 * @typedef {import("./types.js").Block} Block
 */

/**
 * Return the word with its numbers; "" for an unknown word.
 * @param {Words} words
 * @param {string} key
 * @param {Record<string, unknown>} [numbers]
 */
export function say(words, key, numbers) {
  return fillSentence(words[key] || "", numbers);
}

/**
 * Return the stored column of a shown one: the columns may be shown in another order than they are stored in. All that
 * is said and sent names the stored ones.
 * @param {Pick<Value, "sorted">} value
 * @param {number} shown
 */
export function findStoredColumn({ sorted }, shown) {
  return sorted ? sorted[shown] : shown;
}

/**
 * @param {Pick<Value, "sorted">} value
 * @param {number} stored
 */
export function findShownColumn({ sorted }, stored) {
  return sorted ? sorted.indexOf(stored) : stored;
}

/**
 * Return whether a single weight is removed; of a deviation from chance only the side of it counts.
 * @param {Pick<Field, "pooling">} field
 * @param {number} number
 */
export function isRemoved({ pooling }, number) {
  return number > (pooling === "chance" ? 0 : 0.5);
}

/**
 * Return whether a field's single weights are said in words, kept or removed, and not in numbers.
 * @param {Pick<Field, "kind" | "pooling">} field
 */
export function isMask({ kind, pooling }) {
  return kind === "mask" || pooling === "chance";
}

/**
 * Return whether a field's pooled values are shares.
 * @param {Pick<Field, "kind">} field
 */
export function isShare({ kind }) {
  return kind === "mask" || kind === "four";
}

/**
 * Return the ending of the words that say how a field's weights are pooled.
 * @param {Pick<Field, "kind" | "pooling">} field
 */
export function choosePooling({ kind, pooling }) {
  return isShare({ kind }) ? kind : pooling;
}

/**
 * Return the ending of the word for what a field's profiles measure.
 * @param {Pick<Field, "kind">} field
 */
export function chooseMeasure({ kind }) {
  return { sequential: "mean", diverging: "magnitude", mask: "mask", four: "four" }[kind];
}

/**
 * Return the category of a single weight from the shares of categories 1, 2 and 3.
 * @param {number[]} shares
 */
export function findCategory(shares) {
  return [1, 2, 3].find((which) => shares[which - 1] > 0.5) || 0;
}

/**
 * Return what is printed into a tile's cell (null: what is said), what is said of it, and its number.
 * @param {Pick<Tile, "values" | "height" | "width" | "field">} tile with values
 * @param {number} at
 * @param {Words} words
 */
export function describeCell({ values, height, width, field }, at, words) {
  const size = height * width, all = /** @type {Float32Array} */ (values);
  if (field.kind === "four") {
    const category = findCategory([0, 1, 2].map((plane) => all[plane * size + at]));
    return { mark: FOUR_MARKS[category], said: field.categories[category], number: category };
  }
  const number = all[at];
  if (Number.isNaN(number)) return { mark: "?", said: words.none, number };
  if (!isMask(field)) return { mark: null, said: formatNumber(number, words.none), number };
  const gone = isRemoved(field, number);
  return { mark: MASK_MARKS[gone ? 1 : 0], said: gone ? words.removed : words.kept, number: gone ? 1 : 0 };
}

/**
 * Return the value of a block in words.
 * @param {Field} field
 * @param {number[]} numbers one, or for kind four the shares of categories 1, 2 and 3
 * @param {number} many how many weights it is of
 * @param {boolean} exact
 * @param {Words} words
 */
export function describeValue(field, numbers, many, exact, words) {
  const about = exact ? "" : "≈ ";
  if (field.kind === "four") {
    const shares = [Math.max(0, 1 - numbers[0] - numbers[1] - numbers[2]), ...numbers];
    if (many === 1) return field.categories[shares.indexOf(Math.max(...shares))];
    return shares.map((share, which) => (
      field.categories[which] + " " + about + formatPercent(share < 1e-6 ? 0 : share, words.none))).join(", ");
  }
  const [number] = numbers;
  if (Number.isNaN(number)) return words.none;
  if (many === 1 && isMask(field)) return isRemoved(field, number) ? words.removed : words.kept;
  return about + (field.kind === "mask" ? formatPercent(number) : formatWithUnit(number, field));
}

/**
 * @param {number} number
 * @param {Pick<Field, "unit">} field
 * @param {string} [none]
 */
export function formatWithUnit(number, { unit }, none) {
  return formatNumber(number, none) + (unit ? " " + unit : "");
}

/**
 * Return the sentence that says where a block is and what its value is.
 * @param {{ value: Value, field: Field, words: Words }} shown
 * @param {Block | (import("./types.js").Place & { step: number })} block
 * @param {number[]} numbers
 * @param {boolean} exact
 */
export function describeBlock({ value, field, words }, block, numbers, exact) {
  const lastRow = Math.min(block.row + block.step, value.rows) - 1;
  const lastColumn = Math.min(block.column + block.step, value.columns) - 1;
  const many = (lastRow - block.row + 1) * (lastColumn - block.column + 1);
  const text = describeValue(field, numbers, many, exact, words);
  if (many === 1) return say(words, "weight", { row: block.row, column: findStoredColumn(value, block.column), value: text });
  const places = formatSpan(block.column, lastColumn);
  return say(words, "pooled_" + choosePooling(field), {
    rows: formatSpan(block.row, lastRow), columns: value.sorted ? say(words, "sorted_places", { places }) : places,
    value: text, count: formatCount(many) });
}
