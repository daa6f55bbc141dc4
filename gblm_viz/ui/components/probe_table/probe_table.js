// Lists a page of probes, and tells which head, row or page was asked for. Every word comes in props.value.

import { append, find, findFocused } from "../shared/dom.js";

/**
 * @typedef {{ name: string, title: string, kind: string, sorted: "ascending" | "descending" | "none" }} Column
 * @typedef {{ index: number, cells: string[], fate: string }} Line
 * @typedef {{ told: string, before?: boolean, after?: boolean }} Pages
 * @typedef {{ back?: string, on?: string, ask?: string, save?: string }} Words
 * @typedef {{ columns: Column[], lines: Line[], pages: Pages, words: Words, file?: string }} Value
 * @typedef {[kind: string, which: string | number]} Asked
 */

/** @type {Value} */
const NOTHING = { columns: [], lines: [], pages: { told: "" }, words: {} };
const STEPS = new Map([["ArrowDown", 1], ["ArrowUp", -1]]);
const ARROWS = { ascending: " ▴", descending: " ▾", none: "" };

/** @param {import("../shared/gradio.js").Gradio<Value>} gradio */
export function start({ element, props, trigger, watch }) {
  const root = find(element, ".probe-table"), save = find(root, ".save");
  const { back, on } = findPageButtons(root);
  /** @param {Asked} asked */
  const ask = (asked) => trigger("select", { asked });
  const accept = () => draw(root, props.value || NOTHING, ask);
  back.dataset.key = "back";
  on.dataset.key = "on";
  back.addEventListener("click", () => ask(["page", -1]));
  on.addEventListener("click", () => ask(["page", 1]));
  save.addEventListener("click", (event) => {
    event.preventDefault();
    ask(["save", ""]);
  });
  find(root, "tbody").addEventListener("keydown", (event) => handleKey(root, event));
  watch("value", accept);
  accept();
}

/**
 * @param {HTMLElement} root
 * @returns {{ back: HTMLButtonElement, on: HTMLButtonElement }}
 */
function findPageButtons(root) {
  return { back: find(root, ".probe-pages .back"), on: find(root, ".probe-pages .on") };
}

/**
 * @param {HTMLElement} root
 * @param {Value} value
 * @param {(asked: Asked) => void} ask
 */
function draw(root, value, ask) {
  const head = find(root, "thead tr"), body = find(root, "tbody"), focused = findFocused(root)?.dataset.key;
  head.textContent = body.textContent = "";
  value.columns.forEach((column) => drawHead(head, column, ask));
  value.lines.forEach((line, place) => drawLine(body, value, line, place, ask));
  drawPages(root, value);
  if (value.file) fetchOnce(value.file);
  const again = [...root.querySelectorAll("button")].find((one) => one.dataset.key === focused && !one.disabled);
  if (focused && again) again.focus({ preventScroll: true });
}

/**
 * @param {HTMLElement} head
 * @param {Column} column
 * @param {(asked: Asked) => void} ask
 */
function drawHead(head, column, ask) {
  const cell = append(head, "th", column.kind);
  cell.setAttribute("aria-sort", column.sorted);
  if (column.name) appendButton(cell, "sort " + column.name, column.title + ARROWS[column.sorted], () => ask(["sort", column.name]));
  else cell.textContent = column.title;
}

/**
 * @param {HTMLElement} body
 * @param {Value} value
 * @param {Line} line
 * @param {number} place
 * @param {(asked: Asked) => void} ask
 */
function drawLine(body, value, line, place, ask) {
  const row = append(body, "tr", line.fate), open = () => ask(["open", line.index]);
  row.dataset.index = String(line.index);
  line.cells.forEach((text, at) => {
    const { kind } = value.columns[at], cell = append(row, "td", kind);
    cell.dir = "auto";
    cell.title = text;
    if (kind === "prompt") appendButton(cell, "row " + place, text, open).title = value.words.ask + "\n" + text;
    else cell.textContent = text;
  });
  row.addEventListener("click", open);
}

/**
 * @param {HTMLElement} root
 * @param {Value} value
 */
function drawPages(root, { lines, pages, words }) {
  const { back, on } = findPageButtons(root), save = find(root, ".save");
  back.textContent = words.back || "";
  on.textContent = words.on || "";
  back.disabled = !pages.before;
  on.disabled = !pages.after;
  find(root, ".probe-pages span").textContent = pages.told;
  find(root, ".probe-pages").hidden = !lines.length;
  root.dataset.lines = String(lines.length);
  save.title = words.save || "";
  save.setAttribute("aria-label", save.title);
}

/**
 * @param {HTMLElement} parent
 * @param {string} key by which the button is found again after the table was drawn anew
 * @param {string} text
 * @param {() => void} press
 */
function appendButton(parent, key, text, press) {
  const made = append(parent, "button", "", text);
  made.type = "button";
  made.dataset.key = key;
  made.addEventListener("click", (event) => {
    event.stopPropagation();
    press();
  });
  return made;
}

/**
 * Fetch a file once, however often its value comes and however often the component is made.
 * @param {string} file
 */
function fetchOnce(file) {
  const page = /** @type {Window & { gblmFetched?: Set<string> }} */ (window), fetched = (page.gblmFetched ||= new Set());
  if (fetched.has(file)) return;
  fetched.add(file);
  const link = document.createElement("a");
  link.href = file;
  link.download = "";
  link.click();
}

/**
 * Arrow keys walk from row to row, the page keys turn the page.
 * @param {HTMLElement} root
 * @param {KeyboardEvent} event
 */
function handleKey(root, event) {
  const rows = [...find(root, "tbody").querySelectorAll("button")], { back, on } = findPageButtons(root);
  const at = rows.findIndex((one) => one === document.activeElement), next = rows[at + chooseStep(event.key)];
  const pageButton = new Map([["PageDown", on], ["PageUp", back]]).get(event.key);
  if (at >= 0 && next && next !== rows[at]) next.focus();
  else if (pageButton && !pageButton.disabled) pageButton.click();
  else return;
  event.preventDefault();
}

/**
 * Return by how many rows a key walks.
 * @param {string} key
 */
export function chooseStep(key) {
  return STEPS.get(key) ?? 0;
}
