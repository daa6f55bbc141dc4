// Draws a few weights with the numbers of their score, each to be changed. Every word comes in props.value.

import { append, find, findFocused } from "../shared/dom.js";
import { formatNumber, parseNumber } from "./digits.js";

/**
 * @typedef {object} Entry one weight
 * @property {number} column
 * @property {Record<string, number | null>} numbers
 * @property {number} score
 * @property {number} rank
 * @property {boolean} removed
 * @property {boolean} pinned
 * @property {boolean} flipped
 *
 * @typedef {{ entries: Entry[], fields: string[], changed: string[], words: Record<string, string>, told: string }} Value
 * @typedef {[name: string, column: number, number: number | null]} Change
 */

/** @type {Value} */
const NOTHING = { entries: [], fields: [], changed: [], words: {}, told: "" };

/** @param {import("../shared/gradio.js").Gradio<Value>} gradio */
export function start({ element, props, trigger, watch }) {
  const root = find(element, ".hand-row");
  const accept = () => draw(root, props.value || NOTHING, (change) => trigger("select", { change }));
  watch("value", accept);
  accept();
}

/**
 * @param {HTMLElement} root
 * @param {Value} value
 * @param {(change: Change) => void} sendChange
 */
function draw(root, value, sendChange) {
  const head = find(root, "thead"), body = find(root, "tbody"), left = readDraft(root);
  const { entries, words } = value;
  head.textContent = body.textContent = "";
  find(root, ".hand-told").textContent = value.told;
  if (!entries.length) return;
  appendLine(head, words.column, entries, (cell, entry) => { cell.textContent = String(entry.column); });
  for (const name of value.fields)
    appendLine(body, words[name], entries, (cell, entry) => drawNumber(cell, entry, name, value, sendChange));
  appendLine(body, words.score, entries, (cell, entry) => { cell.textContent = formatNumber(entry.score); });
  appendLine(body, words.place, entries, (cell, entry) => { cell.textContent = String(entry.rank); });
  appendLine(body, words.fate, entries, (cell, entry) => drawFate(cell, entry, words));
  const again = left && [...root.querySelectorAll("input")].find((one) => one.dataset.key === left.key);
  if (!left || !again) return;
  if (left.drawn === again.dataset.drawn) again.value = left.typed;
  again.focus({ preventScroll: true });
}

/**
 * Return what stands in the box that has the focus, and what was drawn there: a row that is drawn anew must not take away what somebody
 * is typing.
 * @param {HTMLElement} root
 */
function readDraft(root) {
  const box = findFocused(root);
  if (!(box instanceof HTMLInputElement)) return null;
  const left = { key: box.dataset.key, drawn: box.dataset.drawn, typed: box.value };
  box.dataset.drawn = box.value; // what is not finished is not sent while the box goes
  return left;
}

/**
 * @param {HTMLElement} parent
 * @param {string} title
 * @param {Entry[]} entries
 * @param {(cell: HTMLElement, entry: Entry) => void} fill
 */
function appendLine(parent, title, entries, fill) {
  const row = append(parent, "tr");
  append(row, "th", "", title).scope = "row";
  for (const entry of entries) fill(append(row, "td", entry.pinned ? "pinned" : ""), entry);
}

/**
 * @param {HTMLElement} cell
 * @param {Entry} entry
 * @param {Record<string, string>} words
 */
function drawFate(cell, entry, words) {
  cell.textContent = entry.removed ? "× " + words.goes : "· " + words.stays;
  cell.className = (entry.removed ? "goes" : "stays") + (entry.flipped ? " flipped" : "");
  cell.dataset.column = String(entry.column);
  cell.dataset.removed = entry.removed ? "1" : "0";
}

/**
 * @param {HTMLElement} cell
 * @param {Entry} entry
 * @param {string} name
 * @param {Value} value
 * @param {(change: Change) => void} sendChange
 */
function drawNumber(cell, entry, name, value, sendChange) {
  const number = entry.numbers[name], key = name + " " + entry.column;
  if (number === null) {
    cell.textContent = "–";
    return;
  }
  const box = append(cell, "input", value.changed.includes(key) ? "changed" : "");
  box.type = "text";
  box.inputMode = "decimal";
  box.value = box.dataset.drawn = formatNumber(number);
  box.dataset.key = key;
  box.setAttribute("aria-label", value.words[name] + ", " + value.words.column + " " + entry.column);
  const take = () => {
    if (!box.isConnected || box.value === box.dataset.drawn) return;
    const wanted = parseNumber(box.value);
    if (wanted === undefined) box.value = formatNumber(number); // what stood there stays
    else sendChange([name, entry.column, wanted]);
    box.dataset.drawn = box.value;
  };
  box.addEventListener("change", take);
  box.addEventListener("blur", take); // a change of what a script has put back is not announced
}
