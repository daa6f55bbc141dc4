// Shows where one is, and goes up: by a click to that level, by Esc one level. Every word comes in props.value.

import { append, find, isInside, listenWhile } from "../shared/dom.js";

/**
 * @typedef {{ parts: string[], label: string, hint: string, weight: string }} Value
 * @typedef {{ row: number, column: number }} Place
 * @typedef {CustomEvent<{ at: Place | null }>} Hover
 */

/** @type {Value} */
const NOTHING = { parts: [], label: "", hint: "", weight: "" };
// an open list, a box that is written in, or a picture that let its own pin go has used the key up
const BUSY = "input, textarea, select, [role=listbox], [aria-expanded=true]";

/** @param {import("../shared/gradio.js").Gradio<Value>} gradio */
export function start({ element, props, trigger, watch }) {
  const root = find(element, ".breadcrumb"), list = find(root, "ol");
  const readValue = () => props.value || NOTHING;
  /** @param {number} level */
  const goTo = (level) => trigger("select", { level });
  const accept = () => {
    root.setAttribute("aria-label", readValue().label);
    draw(list, readValue(), goTo);
  };
  listenWhile(element, "weight-hover", (/** @type {Hover} */ event) => showHovered(list, event.detail.at, readValue().weight));
  listenWhile(element, "keydown", (/** @type {KeyboardEvent} */ event) => {
    const { parts } = readValue();
    const meant = event.key === "Escape" && !event.defaultPrevented && !isInside(event.target, BUSY);
    if (meant && parts.length > 1) goTo(parts.length - 1);
  });
  watch("value", accept);
  accept();
}

/**
 * @param {HTMLElement} list
 * @param {Value} value
 * @param {(level: number) => void} goTo
 */
function draw(list, value, goTo) {
  const last = value.parts.length - 1;
  list.textContent = "";
  value.parts.forEach((text, at) => {
    const item = append(list, "li");
    if (at === last) {
      append(item, "span", "", text).setAttribute("aria-current", "location");
      return;
    }
    const button = append(item, "button", "", text);
    button.type = "button";
    button.title = value.hint;
    button.addEventListener("click", () => goTo(at + 1));
  });
}

/**
 * Show the weight that a picture is pointed at, for as long as it is.
 * @param {HTMLElement} list
 * @param {Place | null} at
 * @param {string} template
 */
function showHovered(list, at, template) {
  list.querySelector(".hovered")?.remove();
  if (at && template) append(append(list, "li", "hovered"), "span", "", describeWeight(template, at));
}

/**
 * @param {string} template
 * @param {Place} at
 */
export function describeWeight(template, at) {
  return template.replace("{row}", String(at.row)).replace("{column}", String(at.column));
}
