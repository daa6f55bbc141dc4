// The numbers in sight as a CSV: every weight by itself where they fit one file, else what the pixels show.

import { decodeFloats } from "../shared/base64.js";
import { makeCsvWriter } from "../shared/csv.js";
import { download } from "../shared/download.js";
import { formatCount, formatExactly } from "./numbers.js";
import { findVisible } from "./port.js";
import { showReading } from "./reading.js";
import { makeRequest } from "./requests.js";
import { findStoredColumn, say } from "./wording.js";

/**
 * @typedef {import("./types.js").ShownView} ShownView
 * @typedef {import("./types.js").Field} Field
 * @typedef {import("./types.js").Answer} Answer
 */

const MOST_SAVED = 1 << 20; // weights

/** @param {ShownView} view */
export async function saveNumbers(view) {
  const { field, server, words } = view, answer = await server.tile({ ...chooseRequest(view), values: 1 }).catch(() => null);
  if (!answer || answer.error || !answer.values || field !== view.field) {
    showReading(view, words[answer && !answer.error ? "save_too_many" : "error_offline"]);
    return;
  }
  const text = [composeRemark(view, answer.step), ...makeTable(view, answer, decodeFloats(answer.values))].join("\n") + "\n";
  download(new Blob([text], { type: "text/csv" }), nameFile(view, "csv"));
}

/** @param {ShownView} view */
function chooseRequest(view) {
  const seen = findVisible(view.port, view.value), few = seen.rows * seen.columns <= MOST_SAVED;
  return few ? { ...makeRequest(view), ...seen, height: seen.rows, width: seen.columns } : makeRequest(view);
}

/**
 * Return the name of a file of this view.
 * @param {Pick<ShownView, "value" | "field">} view
 * @param {"png" | "csv"} ending
 */
export function nameFile({ value, field }, ending) {
  const words = (value.title + " " + field.label).normalize("NFKC").replace(/[^\p{L}\p{N}]+/gu, "-");
  return words.replace(/^-|-$/g, "").toLowerCase() + "." + ending;
}

/**
 * Return the first line, which says what the numbers are. It is a remark and not quoted: a spreadsheet cuts it at its
 * commas, so each piece is guarded.
 * @param {Pick<ShownView, "value" | "field" | "words" | "csv">} view
 * @param {number} step
 */
export function composeRemark({ value, field, words, csv }, step) {
  const pooled = step === 1 ? "" : say(words, "many_weights", { rows: step, columns: step, count: formatCount(step ** 2) });
  const kinds = field.kind === "four" ? field.categories.map((name, which) => which + " = " + name).join(", ") : field.unit;
  const text = "# " + [value.title, field.label, kinds, pooled, value.note].filter(Boolean).join(" · ");
  return text.replace(/[\r\n\t]+/g, " ").replace(/"/g, "'").split(/([,;])/).map(makeCsvWriter(csv).disarm).join("");
}

/**
 * Return the lines of the table; the first names the columns, as stored.
 * @param {Pick<ShownView, "value" | "field">} view
 * @param {Pick<Answer, "row" | "column" | "step" | "height" | "width">} answer
 * @param {Float32Array} numbers
 */
export function makeTable({ value, field }, { row, column, step, height, width }, numbers) {
  const size = height * width;
  /**
   * @param {number} first
   * @param {number} many
   */
  const listPlaces = (first, many) => [...Array(many).keys()].map((at) => first + at * step);
  const lines = [["row", ...listPlaces(column, width).map((shown) => findStoredColumn(value, shown))].join(",")];
  listPlaces(row, height).forEach((place, down) => {
    const line = [String(place)];
    for (let along = 0; along < width; along++) line.push(formatCell(field, numbers, size, down * width + along, step === 1));
    lines.push(line.join(","));
  });
  return lines;
}

/**
 * Return a cell: a number; of four categories a weight's category, or the share where exactly one mask removes.
 * @param {Field} field
 * @param {Float32Array} numbers
 * @param {number} size
 * @param {number} at
 * @param {boolean} single
 */
function formatCell({ kind }, numbers, size, at, single) {
  if (kind !== "four") return formatExactly(numbers[at]);
  const shares = [0, 1, 2].map((plane) => numbers[plane * size + at]);
  return single ? String(shares.indexOf(1) + 1) : formatExactly(shares[1] + shares[2]);
}
