// Lets every chart, model map, token's bars and strip be saved as PNG and CSV, and every table as CSV; says what a chart
// shows. The matrix view and the probes, which are more than what is on the page, have their own buttons.
// Knows no model and no language: its words come with it.

import { makeCsvWriter } from "../shared/csv.js";
import { append } from "../shared/dom.js";
import { download } from "../shared/download.js";
import { drawBoxes } from "./boxes.js";
import { drawChart } from "./chart.js";
import { copyPlace, findPlace, showLinked } from "./linking.js";
import { nameFile, readRows } from "./numbers.js";

/**
 * @typedef {{ png: string, csv: string, link: string, link_short: string, copied: string, written: string }} Words
 * @typedef {import("../shared/csv.js").Rule} Rule
 * @typedef {import("../shared/gradio.js").Letters} Letters
 */

const TARGETS = ".small-chart .js-plotly-plot, .model-map[data-state=shown], .token-bars, .loss-strip[data-rows], table.plain";

/**
 * @param {Words} words
 * @param {Rule} rule
 * @param {Letters} letters
 */
export function start(words, rule, letters) {
  let soon = 0;
  const attach = () => {
    soon = 0;
    for (const target of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(TARGETS))) {
      if (target.matches(".js-plotly-plot")) labelChart(target);
      if (!hasBar(target)) placeBar(target, makeBar(target, words, rule, letters));
    }
  };
  void showLinked();
  new MutationObserver(() => { soon ||= requestAnimationFrame(attach); }).observe(document, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["data-state"] });
}

/**
 * Return whether a target has its links: inside it, or behind it where it is a table.
 * @param {HTMLElement} target
 */
function hasBar(target) {
  if (!target.matches("table")) return [...target.children].some((one) => one.matches(".save-bar"));
  const home = target.parentElement;
  return [...home?.children || []].some((one) => one.matches(".save-bar") && one.previousElementSibling === target);
}

/**
 * @param {HTMLElement} target
 * @param {HTMLElement} made
 */
function placeBar(target, made) {
  if (target.matches("table")) target.after(made);
  else target.append(made);
}

/**
 * @param {HTMLElement} target
 * @param {Words} words
 * @param {Rule} rule
 * @param {Letters} letters
 */
function makeBar(target, words, rule, letters) {
  const made = document.createElement("span");
  made.className = "save-bar";
  if (!target.matches("table")) appendLink(made, "PNG", words.png, () => savePicture(target, letters));
  appendLink(made, "CSV", words.csv, () => {
    const text = makeCsvWriter(rule).joinRows(readRows(target));
    download(new Blob(["\ufeff", text], { type: "text/csv" }), nameFile(target, "csv"));
  });
  if (!target.matches("table") && findPlace(target)) {
    const one = appendLink(made, words.link_short, words.link, () => void copyPlace(target, one, words));
  }
  return made;
}

/**
 * A link, not a button: what it leads to is a file.
 * @param {HTMLElement} parent
 * @param {string} text
 * @param {string} title
 * @param {() => void} press
 */
function appendLink(parent, text, title, press) {
  const made = append(parent, "a", "", text);
  made.href = "#";
  made.title = title;
  made.setAttribute("aria-label", title);
  made.addEventListener("click", (event) => {
    event.preventDefault();
    press();
  });
  return made;
}

/**
 * @param {HTMLElement} target
 * @param {Letters} letters
 */
async function savePicture(target, letters) {
  const canvas = await (target.matches(".js-plotly-plot") ? drawChart(target, letters) : drawWhole(target, letters));
  canvas.toBlob((blob) => { if (blob) download(blob, nameFile(target, "png")); });
}

/**
 * Draw a copy that has room for all of it, where the page scrolls.
 * @param {HTMLElement} target
 * @param {Letters} letters
 */
function drawWhole(target, letters) {
  const copy = /** @type {HTMLElement} */ (target.cloneNode(true));
  copy.classList.add("whole");
  copy.style.cssText = `position: absolute; width: ${target.getBoundingClientRect().width}px`;
  target.after(copy);
  try { return drawBoxes(copy, letters, target); } finally { copy.remove(); }
}

/**
 * Say what the chart shows to those who cannot see it; its numbers are one link further, as CSV.
 * @param {HTMLElement} chart
 */
function labelChart(chart) {
  const { layout, data } = /** @type {import("./numbers.js").Chart} */ (chart);
  chart.setAttribute("role", "figure");
  chart.setAttribute("aria-label", describeChart(layout || {}, data || []));
}

/**
 * Return a chart's title, its series and its axes.
 * @param {import("./numbers.js").Layout} layout
 * @param {{ name?: string }[]} data
 */
export function describeChart(layout, data) {
  /** @param {{ text?: string } | undefined} one */
  const readText = (one) => String(one?.text || "").replace(/<[^>]*>/g, " ").trim();
  const series = data.map((one) => one.name).filter(Boolean).join(", ");
  return [readText(layout.title), series, readText(layout.xaxis?.title), readText(layout.yaxis?.title)].filter(Boolean).join("; ");
}
