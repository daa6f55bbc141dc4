// Draws one side's answers. While one grows only its text is touched; then each token can be picked. Words come in props.value.

import { append, find } from "../shared/dom.js";
import { findNextToken, isGrowing, splitAtMark } from "./bubbles.js";

/**
 * @typedef {import("./bubbles.js").Growing} Growing
 * @typedef {import("./bubbles.js").Whole} Whole
 * @typedef {Record<"empty" | "answer" | "part" | "next" | "log", string>} Words
 *
 * @typedef {object} Value
 * @property {(Growing | Whole)[]} bubbles
 * @property {string} look dense, pruned, third or hidden
 * @property {Words} words
 * @property {boolean} stale
 * @property {boolean} open whether the tokens can be selected
 *
 * @typedef {object} Pane
 * @property {HTMLElement} root
 * @property {{ count: number, look: string, nodes: Text[] } | null} growing what is being written, and the texts it is in
 * @property {number} timer
 * @property {(place: [bubble: number, token: number]) => void} select
 */

/** @type {Value} */
const NOTHING = { bubbles: [], look: "", words: { empty: "", answer: "", part: "", next: "", log: "" }, stale: false, open: false };
const REST = 150; // milliseconds: a walk by arrow keys asks one question, for where it rests

/** @param {import("../shared/gradio.js").Gradio<Value>} gradio */
export function start({ element, props, trigger, watch }) {
  /** @type {Pane} */
  const pane = { root: find(element, ".chat"), growing: null, timer: 0, select: (place) => trigger("select", { place }) };
  const accept = () => show(pane, props.value || NOTHING);
  watch("value", accept);
  accept();
}

/**
 * @param {Pane} pane
 * @param {Value} value
 */
function show(pane, value) {
  const { root } = pane, last = value.bubbles[value.bubbles.length - 1];
  root.setAttribute("aria-label", value.words.log);
  root.setAttribute("aria-busy", String(Boolean(last && isGrowing(last)))); // a screen reader says an answer once it is whole
  if (last && isGrowing(last) && pane.growing?.count === value.bubbles.length && pane.growing.look === value.look) {
    growAnswer(pane, last);
    return;
  }
  clearTimeout(pane.timer);
  pane.growing = null;
  root.textContent = "";
  root.classList.toggle("stale", value.stale);
  if (!value.bubbles.length) append(root, "div", "empty", value.words.empty);
  value.bubbles.forEach((bubble, number) => {
    append(root, "div", "asked", bubble.asked);
    if (isGrowing(bubble)) {
      beginAnswer(pane, value);
      growAnswer(pane, bubble);
    } else if (value.open) drawTokens(pane, value, bubble, number);
    else drawText(pane, value, bubble);
  });
  scrollToAnswer(pane);
}

/**
 * An answer that grows is read at its end, one that is there from its beginning.
 * @param {Pane} pane
 */
function scrollToAnswer({ root, growing }) {
  const asked = /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(".asked"));
  if (growing) root.scrollTop = root.scrollHeight;
  else if (asked.length) root.scrollTop = asked[asked.length - 1].offsetTop - root.offsetTop;
}

/**
 * @param {Pane} pane
 * @param {Value} value
 */
function appendAnswer({ root }, value) {
  const box = append(root, "div", "said " + value.look);
  box.dataset.side = value.look;
  return box;
}

/**
 * @param {Pane} pane
 * @param {Value} value
 */
function beginAnswer(pane, value) {
  const box = appendAnswer(pane, value), mark = document.createElement("mark");
  mark.className = "parting";
  const nodes = [0, 1, 2].map(() => document.createTextNode(""));
  mark.append(nodes[1]);
  box.append(nodes[0], mark, nodes[2]);
  append(box, "span", "cursor", "▍").setAttribute("aria-hidden", "true");
  pane.growing = { count: value.bubbles.length, look: value.look, nodes };
}

/**
 * @param {Pane} pane
 * @param {Growing} bubble
 */
function growAnswer({ root, growing }, bubble) {
  const texts = splitAtMark(bubble);
  growing?.nodes.forEach((node, at) => { if (node.data !== texts[at]) node.data = texts[at]; });
  root.scrollTop = root.scrollHeight;
}

/**
 * Draw an answer whose tokens cannot be selected.
 * @param {Pane} pane
 * @param {Value} value
 * @param {Whole} bubble
 */
function drawText(pane, value, bubble) {
  const box = appendAnswer(pane, value);
  bubble.tokens.forEach((text, at) => markToken(append(box, "span", "tok", text), bubble, at));
  if (bubble.parting === bubble.tokens.length) append(box, "mark", "parting", "◾");
  if (!bubble.tokens.length) box.append("…");
}

/**
 * Draw an answer as a list of its tokens, and one more for the token that would have come next.
 * @param {Pane} pane
 * @param {Value} value
 * @param {Whole} bubble
 * @param {number} number
 */
function drawTokens(pane, value, bubble, number) {
  const box = appendAnswer(pane, value), { words } = value, count = bubble.tokens.length;
  box.setAttribute("role", "listbox");
  box.setAttribute("aria-orientation", "horizontal");
  box.setAttribute("aria-label", words.answer);
  const all = bubble.tokens.map((text, at) => markToken(append(box, "span", text ? "tok" : "tok part", text), bubble, at));
  const last = append(box, "span", "tok next", count ? "∎" : "…");
  last.setAttribute("aria-label", words.next);
  last.title = words.next;
  if (bubble.parting === count) last.classList.add("parting");
  all.push(last);
  all.forEach((token, at) => {
    token.setAttribute("role", "option");
    token.setAttribute("aria-selected", "false");
    token.tabIndex = at ? -1 : 0;
    token.dataset.token = String(at);
    if (token.classList.contains("part")) token.setAttribute("aria-label", words.part);
    listenToToken(pane, all, at, number);
  });
}

/**
 * @param {HTMLElement} token
 * @param {Whole} bubble
 * @param {number} at
 */
function markToken(token, bubble, at) {
  if (bubble.same) token.classList.add(bubble.same[at] ? "same" : "differs");
  if (bubble.parting === at) token.classList.add("parting");
  return token;
}

/**
 * @param {Pane} pane
 * @param {HTMLElement[]} all the tokens of one answer
 * @param {number} at
 * @param {number} number the answer's
 */
function listenToToken(pane, all, at, number) {
  const token = all[at];
  token.addEventListener("click", () => {
    token.focus();
    pickToken(pane, token, [number, at]);
  });
  token.addEventListener("focus", () => all.forEach((one) => { one.tabIndex = one === token ? 0 : -1; }));
  token.addEventListener("keydown", (event) => {
    const to = findNextToken(event.key, at, all.length);
    if (event.key === "Enter" || event.key === " ") pickToken(pane, token, [number, at]);
    else if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    else if (all[to]) {
      all[to].focus();
      clearTimeout(pane.timer);
      pane.timer = setTimeout(() => pickToken(pane, all[to], [number, to]), REST);
    }
    event.preventDefault();
  });
}

/**
 * @param {Pane} pane
 * @param {HTMLElement} token
 * @param {[bubble: number, token: number]} place
 */
function pickToken(pane, token, place) {
  clearTimeout(pane.timer);
  document.querySelectorAll(".chat .tok.picked").forEach((one) => {
    one.classList.remove("picked");
    one.setAttribute("aria-selected", "false");
  });
  token.classList.add("picked");
  token.setAttribute("aria-selected", "true");
  pane.select(place);
}
