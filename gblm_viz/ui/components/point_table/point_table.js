// Lists rows with a button each, and listens to clicks on the marks of the charts beside it. Every word comes in props.value.

import { append, find, findFocused } from "../shared/dom.js";

/**
 * @typedef {{ number: number, cells: string[], name: string }} Row
 * @typedef {{ heads: string[], rows: Row[], load: string, label: string }} Value
 * @typedef {{ points: { customdata?: unknown[] }[] }} Click
 * @typedef {HTMLElement & { on?: (event: string, listener: (click: Click) => void) => void }} Chart
 */

/** @type {Value} */
const NOTHING = { heads: [], rows: [], load: "", label: "" };

/**
 * @param {import("../shared/gradio.js").Gradio<Value>} gradio
 * @param {{ charts: string }} config charts: selector of the elements around the charts, "" for none
 */
export function start({ element, props, trigger, watch }, { charts }) {
  const root = find(element, ".point-table");
  /** @param {number} number */
  const select = (number) => trigger("select", { number });
  const accept = () => draw(root, props.value || NOTHING, select);
  if (charts) listenToCharts(element, `:is(${charts}) .js-plotly-plot`, select);
  watch("value", accept);
  accept();
}

/**
 * @param {HTMLElement} root
 * @param {Value} value
 * @param {(number: number) => void} select
 */
function draw(root, value, select) {
  const head = find(root, "thead tr"), body = find(root, "tbody"), focused = findFocused(root)?.dataset.number;
  root.setAttribute("role", "region");
  root.setAttribute("aria-label", value.label);
  head.textContent = body.textContent = "";
  if (value.rows.length) append(head, "td", "action"); // no heading: a th without words is announced as one
  value.heads.forEach((text) => append(head, "th", "", text));
  for (const point of value.rows) {
    const row = append(body, "tr"), button = append(append(row, "td", "action"), "button", "", value.load);
    button.type = "button";
    button.dataset.number = String(point.number);
    button.setAttribute("aria-label", point.name);
    button.addEventListener("click", () => select(point.number));
    point.cells.forEach((text) => append(row, "td", "", text));
    if (focused === button.dataset.number) button.focus({ preventScroll: true });
  }
}

/**
 * Listen to each chart once, also to those that come later: a chart is made anew at every update.
 * @param {HTMLElement} element
 * @param {string} charts
 * @param {(number: number) => void} select
 */
function listenToCharts(element, charts, select) {
  const heard = new WeakSet();
  const watcher = new MutationObserver(() => {
    if (!element.isConnected) {
      watcher.disconnect();
      return;
    }
    for (const chart of /** @type {NodeListOf<Chart>} */ (document.querySelectorAll(charts))) {
      if (heard.has(chart) || typeof chart.on !== "function") continue;
      heard.add(chart);
      chart.on("plotly_click", (click) => {
        const number = readNumber(click);
        if (number !== null) select(number);
      });
    }
  });
  watcher.observe(document.body, { childList: true, subtree: true });
}

/**
 * Return the row's number that a clicked mark carries, null for a mark without.
 * @param {Click} click
 * @returns {number | null}
 */
export function readNumber(click) {
  const number = click.points[0]?.customdata?.[0];
  return Number.isInteger(number) ? /** @type {number} */ (number) : null;
}
