// The legend below the matrix: what its colours mean, and what a pixel stands for.

import { append } from "../shared/dom.js";
import { FOUR_MARKS, MASK_MARKS, formatColour, isDark } from "./colours.js";
import { findShownHeads } from "./marks.js";
import { formatCount, formatNumber, formatPercent, formatSpan } from "./numbers.js";
import { findVisible } from "./port.js";
import { chooseRowStep, findProfile, hasPicture } from "./requests.js";
import { chooseMeasure, choosePooling, formatWithUnit, say } from "./wording.js";

/**
 * @typedef {import("./types.js").View} View
 * @typedef {import("./types.js").ShownView} ShownView
 * @typedef {import("./types.js").Tile} Tile
 */

/**
 * Write the legend of the tile on the screen, which may still be the one before the wanted one.
 * @param {View} view
 */
export function drawLegend(view) {
  const { tile, parts } = view;
  if (!hasPicture(view) || !tile) return;
  const seen = findVisible(view.port, view.value);
  const now = JSON.stringify([tile.field.id, tile.version, tile.step, tile.gaps, seen, Boolean(findProfile(view)), chooseRowStep(view)]);
  if (now === view.legendOf) return;
  view.legendOf = now;
  parts.legend.textContent = "";
  drawColours(view, tile, parts.legend);
  for (const text of collectNotes(view, tile)) append(parts.legend, "span", "", text);
}

/**
 * @param {ShownView} view
 * @param {Tile} tile
 * @param {HTMLElement} place
 */
function drawColours({ palette, words }, tile, place) {
  const { kind, categories } = tile.field;
  if (kind === "four") palette.four.forEach((colour, which) => appendSwatch(place, colour, FOUR_MARKS[which], categories[which]));
  else if (kind === "mask" && tile.step === 1) {
    appendSwatch(place, palette.kept, MASK_MARKS[0], words.kept);
    appendSwatch(place, palette.removed, MASK_MARKS[1], words.removed);
  } else drawScale(place, tile, palette.ramps[kind], words);
}

/**
 * @param {HTMLElement} parent
 * @param {import("./types.js").Colour} colour
 * @param {string} mark
 * @param {string} text
 */
function appendSwatch(parent, colour, mark, text) {
  const one = append(parent, "span"), box = append(one, "span", "swatch", mark);
  box.style.background = formatColour(colour);
  box.style.color = isDark(colour) ? "#fff" : "#111";
  one.append(document.createTextNode(text));
}

/**
 * @param {HTMLElement} place
 * @param {Tile} tile
 * @param {import("./types.js").Colour[]} colours
 * @param {import("./types.js").Words} words
 */
function drawScale(place, { field }, colours, words) {
  const one = append(place, "span"), bar = document.createElement("canvas");
  bar.width = 254;
  bar.height = 1;
  const paint = /** @type {CanvasRenderingContext2D} */ (bar.getContext("2d"));
  for (let code = 1; code < 256; code++) {
    paint.fillStyle = formatColour(colours[code]);
    paint.fillRect(code - 1, 0, 1, 1);
  }
  if (field.kind === "mask") one.append(formatPercent(field.lo), bar, formatPercent(field.hi) + (field.unit ? " " + field.unit : ""));
  else one.append(formatNumber(field.lo), bar, formatWithUnit(field.hi, field));
  append(place, "span", "", field.kind === "mask" ? words.share_removed : words["scale_" + field.scale]);
}

/**
 * Write the remark on gaps, and return the other remarks in their order.
 * @param {ShownView} view
 * @param {Tile} tile
 */
function collectNotes(view, tile) {
  const { value, field, words, port, parts } = view;
  append(parts.legend, "span", "", describeStep(tile, chooseRowStep(view) > 1, words));
  if (tile.gaps) {
    const one = append(parts.legend, "span");
    append(one, "span", "swatch hatched");
    one.append(words.hatched);
  }
  const found = [];
  if (value.sorted) found.push(value.sortedBy || words.sorted);
  if (findProfile(view)) found.push(say(words, "strips", { measure: words["measure_" + chooseMeasure(field)] }));
  if (findShownHeads(view).some(Boolean)) found.push(words[value.borders]);
  if (!port.fitted) found.push(describeSpans(port, value, words));
  return found;
}

/**
 * Return which rows and columns are in sight.
 * @param {import("./types.js").Port} port
 * @param {import("./types.js").Shape} shape
 * @param {import("./types.js").Words} words
 */
export function describeSpans(port, shape, words) {
  const { row, column, rows, columns } = findVisible(port, shape);
  return say(words, "visible", { rows: formatSpan(row, row + rows - 1), columns: formatSpan(column, column + columns - 1) });
}

/**
 * Return what a pixel stands for.
 * @param {Pick<Tile, "step" | "field">} tile
 * @param {boolean} rough whether one row may stand for two
 * @param {import("./types.js").Words} words
 */
export function describeStep({ step, field }, rough, words) {
  if (step === 1) return words.one_weight;
  const how = rough ? words.rough : words["shows_" + choosePooling(field)];
  return say(words, "many_weights", { rows: step, columns: step, count: formatCount(step * step) }) + (how ? "; " + how : "");
}
