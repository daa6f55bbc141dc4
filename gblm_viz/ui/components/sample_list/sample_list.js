// Lists the samples with a box each, and tells which box was switched. Every word comes in props.value.

import { append, find, findFocused } from "../shared/dom.js";

/**
 * @typedef {{ index: number, tokens: number, text: string, state: "used" | "held" | "dropped" }} Sample
 * @typedef {Record<"number" | "tokens" | "begins" | "becomes" | "use" | Sample["state"], string>} Words
 * @typedef {{ rows: Sample[], words: Words, more: string }} Value
 */

const KINDS = ["box", "number", "number", "state", "text"];

/** @param {import("../shared/gradio.js").Gradio<Value>} gradio */
export function start({ element, props, trigger, watch }) {
  const root = find(element, ".sample-list"), more = find(root, ".sample-more");
  const head = find(root, "thead tr"), body = find(root, "tbody");
  const accept = () => {
    const value = props.value || { rows: [], words: /** @type {Words} */ ({}), more: "" };
    const words = value.words, focused = findFocused(root)?.dataset.index;
    head.textContent = body.textContent = "";
    const titles = ["", words.number, words.tokens, words.becomes, words.begins];
    if (value.rows.length) titles.forEach((text, at) => append(head, text ? "th" : "td", KINDS[at], text));
    for (const sample of value.rows) {
      const box = drawSample(body, sample, words, () => trigger("select", { index: sample.index }));
      box.tabIndex = -1;
      if (focused === String(sample.index)) box.focus({ preventScroll: true });
    }
    const first = boxesOf(body).find((one) => one === document.activeElement) || boxesOf(body)[0];
    if (first) first.tabIndex = 0;
    more.textContent = value.more;
  };
  body.addEventListener("keydown", (event) => moveFocus(body, event));
  watch("value", accept);
  accept();
}

/**
 * @param {HTMLElement} body
 * @returns {HTMLInputElement[]}
 */
function boxesOf(body) {
  return /** @type {HTMLInputElement[]} */ ([...body.querySelectorAll("input")]);
}

/**
 * The arrow keys, Home and End lead from box to box, and Tab past them all: a long text has hundreds.
 * @param {HTMLElement} body
 * @param {KeyboardEvent} event
 */
function moveFocus(body, event) {
  const boxes = boxesOf(body), at = boxes.findIndex((one) => one === event.target);
  /** @type {Record<string, number>} */
  const ways = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: boxes.length - 1 };
  const next = boxes[ways[event.key] ?? -1];
  if (at < 0 || !next || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  boxes[at].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

/**
 * @param {HTMLElement} body
 * @param {Sample} sample
 * @param {Words} words
 * @param {() => void} toggle
 */
function drawSample(body, sample, words, toggle) {
  const row = append(body, "tr", sample.state), box = append(append(row, "td", "box"), "input");
  box.type = "checkbox";
  box.checked = sample.state !== "dropped";
  box.dataset.index = String(sample.index);
  box.setAttribute("aria-label", words.use.replace("{index}", String(sample.index)));
  box.addEventListener("change", toggle);
  append(row, "td", "number", String(sample.index));
  append(row, "td", "number", String(sample.tokens));
  append(row, "td", "state", words[sample.state]);
  const text = append(row, "td", "text", sample.text);
  text.dir = "auto";
  text.title = sample.text;
  return box;
}
