// What a target on the page holds as rows of cells, the first row naming the columns; what made it; its file's name.
// A picture made of the page's own boxes brings its numbers as data-rows (JSON) and what made it as data-made, where
// its tab has no line for that.

/**
 * @typedef {import("../shared/csv.js").Cell} Cell
 * @typedef {{ text?: string }} Title
 * @typedef {{ title?: Title, xaxis?: { title?: Title }, yaxis?: { title?: Title } }} Layout
 * @typedef {{ name: string, visible: unknown, x?: ArrayLike<Cell>, y: ArrayLike<Cell> }} Series
 * @typedef {HTMLElement & { layout?: Layout, data?: { name?: string }[], _fullData: Series[] }} Chart
 */

const MADE = ["overview", "gradient", "prune", "patterns", "weight", "sweep", "won"].map((tab) => `#${tab}-tag`).join(", ");

/**
 * Return a number's text as a spreadsheet reads it: with a plain minus and without thin spaces.
 * @param {string} text
 */
export function cleanNumber(text) {
  return text.replace(/−/g, "-").replace(/\u202f/g, "").trim();
}

/**
 * @param {HTMLElement} target
 * @returns {Cell[][]}
 */
export function readRows(target) {
  if (target.dataset.rows) return JSON.parse(target.dataset.rows);
  if (target instanceof HTMLTableElement) return readTable(target);
  return target.matches(".model-map") ? readMap(target) : readChart(/** @type {Chart} */ (target));
}

/** @param {HTMLTableElement} table */
function readTable(table) {
  return [...table.rows].map((row) => [...row.cells].filter((cell) => !cell.matches(".action")).map(
    (cell) => cleanNumber(cell.textContent || "")));
}

/** @param {HTMLElement} map */
function readMap(map) {
  const buttons = /** @type {NodeListOf<HTMLElement>} */ (map.querySelectorAll("button[data-name]"));
  return [["matrix", "value"], ...[...buttons].map((one) => [one.dataset.name, one.dataset.value])];
}

/**
 * @param {Pick<Chart, "_fullData">} chart
 * @returns {Cell[][]}
 */
export function readChart(chart) {
  const shown = chart._fullData.filter((one) => one.visible === true);
  return [["series", "x", "y"], ...shown.flatMap((one) => Array.from(one.x || [], (x, at) => [one.name, x, one.y[at]]))];
}

/**
 * Return the line of the target's tab that says what made it: model, text, samples, settings.
 * @param {HTMLElement} target
 */
export function readOrigin(target) {
  if (target.dataset.made) return target.dataset.made;
  let home = target.parentElement;
  while (home && !home.querySelector(MADE)) home = home.parentElement;
  /** @type {HTMLElement | null | undefined} */
  const line = home?.querySelector(MADE);
  const tags = /** @type {NodeListOf<HTMLElement> | undefined} */ (line?.querySelectorAll(".tag"));
  return (tags?.length ? tags[tags.length - 1] : line)?.innerText.trim() || "";
}

/**
 * Return the name of a target's file: the id of the nearest element that has one of our own.
 * @param {HTMLElement} target
 * @param {"png" | "csv"} ending
 */
export function nameFile(target, ending) {
  const named = target.closest("[id]");
  return (named ? named.id : "gblm-viz").replace(/^component-\d+$/, "gblm-viz") + "." + ending;
}
