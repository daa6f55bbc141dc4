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
      if (focused === String(sample.index)) box.focus({ preventScroll: true });
    }
    more.textContent = value.more;
  };
  watch("value", accept);
  accept();
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
