// Draws a window of tokens by what was lost on each, and tells of the one in focus. Every word comes in props.value.

import { append, find } from "../shared/dom.js";
import { fillSentence } from "../shared/sentences.js";
import { SIDES, chooseLook, describeDifference, formatLoss, formatPercent, makeRows, markBlanks } from "./losses.js";

/**
 * @typedef {import("./losses.js").Token} Token
 *
 * @typedef {object} Value
 * @property {Token[]} tokens
 * @property {import("./losses.js").Words} words
 * @property {number[]} strongest the tokens marked as those with the largest increase
 * @property {number} start the token focused first
 * @property {number} full the difference with the full colour
 * @property {string} title
 * @property {string} made
 *
 * @typedef {object} Strip
 * @property {HTMLElement} root
 * @property {HTMLElement} options the element with the tokens
 * @property {import("../shared/gradio.js").Colours} colours
 * @property {Value} value
 * @property {number} at the token in focus
 */

/** @type {Value} */
const NOTHING = { tokens: [], words: {}, strongest: [], start: 0, full: 1, title: "", made: "" };
const STEPS = new Map([["PageDown", 1], ["PageUp", -1]]);

/**
 * @param {import("../shared/gradio.js").Gradio<Value>} gradio
 * @param {import("../shared/gradio.js").Config} config
 */
export function start({ element, props, trigger, watch }, { colours }) {
  const root = find(element, ".loss-strip"), options = find(root, ".strip-tokens");
  /** @type {Strip} */
  const strip = { root, options, colours, value: NOTHING, at: 0 };
  const accept = () => show(strip, props.value || NOTHING);
  options.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const place = findPlace(strip, event.key), step = STEPS.get(event.key);
    if (place !== null) selectToken(strip, place, true);
    else if (step) trigger("select", { step });
    else return;
    event.preventDefault();
  });
  options.addEventListener("click", (event) => {
    const one = event.target instanceof Element ? event.target.closest("[data-place]") : null;
    if (one instanceof HTMLElement) selectToken(strip, Number(one.dataset.place), true);
  });
  watch("value", accept);
  accept();
}

/**
 * @param {Strip} strip
 * @param {Value} value
 */
function show(strip, value) {
  const { root, options } = strip, focused = options.contains(document.activeElement);
  strip.value = value;
  root.dataset.count = String(value.tokens.length);
  draw(strip);
  if (value.tokens.length) {
    root.dataset.rows = JSON.stringify(makeRows(value.tokens, value.words));
    root.dataset.made = value.made;
  }
  options.scrollTop = 0;
  selectToken(strip, value.start, focused);
}

/** @param {Strip} strip */
function draw(strip) {
  const { root, options, value } = strip, { words } = value, count = value.tokens.length;
  options.textContent = "";
  find(root, ".strip-title").textContent = value.title;
  find(root, ".strip-legend").textContent = words.legend || "";
  options.setAttribute("aria-label", value.title);
  value.tokens.forEach((token, at) => {
    const one = append(options, "span", "", token.text.replace(/\n/g, "⏎\n") || "·");
    const place = fillSentence(words.place, { place: at + 1, count });
    one.setAttribute("role", "option");
    one.setAttribute("aria-label", `${markBlanks(token.text)}, ${describeDifference(token, words)}, ${place}`);
    one.dataset.place = String(at);
    if (value.strongest.includes(at)) append(one, "i", "peak", "▲").setAttribute("aria-hidden", "true");
    styleToken(one, token, strip);
  });
}

/**
 * @param {HTMLElement} one
 * @param {Token} token
 * @param {Strip} strip
 */
function styleToken(one, token, { value, colours }) {
  const look = chooseLook(token.difference, value.full), colour = look.worse ? colours.removed : colours.kept;
  one.style.background = look.percent ? `color-mix(in srgb, ${colour} ${look.percent}%, transparent)` : "";
  one.style.borderBottom = `${look.line || 1}px ${look.worse ? "solid" : "dotted"} ${look.line ? "currentColor" : "transparent"}`;
}

/**
 * Select a token, or the nearest there is.
 * @param {Strip} strip
 * @param {number} place
 * @param {boolean} focus
 */
function selectToken(strip, place, focus) {
  const { options, value } = strip, all = /** @type {HTMLElement[]} */ ([...options.children]);
  if (!all.length) {
    showToken(strip, null);
    return;
  }
  strip.at = Math.max(0, Math.min(all.length - 1, place));
  const now = all[strip.at];
  for (const one of all) {
    one.tabIndex = one === now ? 0 : -1;
    one.setAttribute("aria-selected", String(one === now));
  }
  if (focus) now.focus({ preventScroll: true });
  const box = now.getBoundingClientRect(), frame = options.getBoundingClientRect(); // scroll the strip, never the page
  if (box.top < frame.top) options.scrollTop -= frame.top - box.top + 4;
  if (box.bottom > frame.bottom) options.scrollTop += box.bottom - frame.bottom + 4;
  showToken(strip, value.tokens[strip.at]);
}

/**
 * @param {Strip} strip
 * @param {Token | null} token
 */
function showToken({ root, value, at }, token) {
  const { words } = value, head = find(root, "thead"), body = find(root, "tbody"), sentence = find(root, ".strip-sentence");
  head.textContent = body.textContent = sentence.textContent = "";
  if (!token) return;
  append(sentence, "b", "", fillSentence(words.place, { place: at + 1, count: value.tokens.length }));
  append(sentence, "code", "", markBlanks(token.text));
  append(sentence, "span", "", describeDifference(token, words));
  const row = append(head, "tr");
  append(row, "th");
  for (const title of [words.loss, words.probability, words.rank]) append(row, "th", "number", title);
  append(row, "th", "", words.best);
  for (const side of SIDES) appendSide(append(body, "tr", side), side, words[side], token[side]);
}

/**
 * @param {HTMLElement} line
 * @param {"dense" | "pruned"} side
 * @param {string} name
 * @param {import("./losses.js").Side | null} found
 */
function appendSide(line, side, name, found) {
  append(line, "th", side + "-colour", (side === "dense" ? "● " : "▲ ") + name).scope = "row";
  append(line, "td", "number", found ? formatLoss(found.loss) : "–");
  append(line, "td", "number", found ? formatPercent(Math.exp(-found.loss)) : "–");
  append(line, "td", "number", found ? String(found.rank) : "–");
  const best = append(line, "td", "best", found ? "" : "–");
  if (!found) return;
  append(best, "code", "", markBlanks(found.best));
  append(best, "span", "", formatPercent(found.best_probability));
}

/**
 * Return the token that a key leads to, perhaps outside; null if the key leads nowhere.
 * @param {Strip} strip
 * @param {string} key
 * @returns {number | null}
 */
function findPlace(strip, key) {
  if (key === "ArrowDown") return findAcross(strip, 1);
  if (key === "ArrowUp") return findAcross(strip, -1);
  const { at } = strip, last = strip.options.children.length - 1;
  return new Map([["ArrowRight", at + 1], ["ArrowLeft", at - 1], ["Home", 0], ["End", last]]).get(key) ?? null;
}

/**
 * Return the token under (1) or over (−1) this one: of the nearest line, the one whose middle is nearest.
 * @param {Strip} strip
 * @param {1 | -1} direction
 */
function findAcross({ options, at }, direction) {
  const all = [...options.children].map((one) => one.getBoundingClientRect());
  return all.length ? findNearestAcross(all, at, direction) : at;
}

/**
 * @param {{ left: number, top: number, width: number, height: number }[]} boxes
 * @param {number} at
 * @param {1 | -1} direction
 */
export function findNearestAcross(boxes, at, direction) {
  const now = boxes[at], middle = now.left + now.width / 2;
  let best = at, nearest = Infinity;
  boxes.forEach((box, place) => {
    const lines = (box.top - now.top) * direction;
    const distance = lines * 10000 + Math.abs(box.left + box.width / 2 - middle);
    if (lines < now.height / 2 || distance >= nearest) return;
    nearest = distance;
    best = place;
  });
  return best;
}
