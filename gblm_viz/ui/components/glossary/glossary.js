// The glossary on the page: it marks the terms of what is shown, and opens a card at a word by pointer, touch or key.
// The entries come from the page of all terms, once, when nothing else is to be done.

import { isInside, whenDrawn } from "../shared/dom.js";
import { closeCard, makeCard, openCard } from "./card.js";
import { makeFinder } from "./finding.js";
import { findMarks, markTerms } from "./marking.js";

/** @typedef {{ card: import("./card.js").Card, findTerms: import("./finding.js").Finder, timer: number, hover: number, at: string, observer: MutationObserver }} State */

const SOON = 150, LONGEST = 1000; // milliseconds from a change to the marking of it
const OPENS = 350, CLOSES = 250; // milliseconds for which a pointer rests on a word, and may be away from it
/** What tells of a change: the server's own sentences, legends. No chat, no picture: what grows token by token is not heard. */
const HEARD = ".prose, .story, .model-map-grid, .model-map-legend, .matrix-legend";
/** What is marked besides the tab that is shown: what stands below all tabs, and the text of the guide's step. */
const BESIDE = "#about, .guide-text";
const TYPED = "input:not([type=radio]):not([type=checkbox]):not([type=range]), textarea, select, [contenteditable=true]";

/**
 * @param {string} address of the page of all terms
 * @param {import("./card.js").Words} words
 */
export function start(address, words) {
  const begin = async () => {
    const answer = await fetch(address);
    if (!answer.ok) return; // without it the page says what it says, undotted
    const entries = readEntries(new DOMParser().parseFromString(await answer.text(), "text/html"));
    listen(entries, words, address);
  };
  const whenLoaded = () => whenIdle(() => { begin().catch(() => {}); });
  if (document.readyState === "complete") whenLoaded(); // Gradio runs what belongs into the head at a moment of its own
  else window.addEventListener("load", whenLoaded);
}

/**
 * Return the entries of the page of all terms.
 * @param {Document} page
 * @returns {Map<string, import("./card.js").Entry>}
 */
export function readEntries(page) {
  const entries = new Map();
  for (const article of /** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll("article.entry"))) {
    const [id, name] = [article.id, article.querySelector("h3")?.textContent || ""];
    entries.set(id, { id, name, text: article.querySelector(".meaning")?.textContent || "",
      see: (article.dataset.see || "").split("|").filter(Boolean), spellings: (article.dataset.spellings || "").split("|"),
      picture: article.querySelector("svg") });
  }
  return entries;
}

/**
 * @param {Map<string, import("./card.js").Entry>} entries
 * @param {import("./card.js").Words} words
 * @param {string} address
 */
function listen(entries, words, address) {
  /** @type {State} */
  const state = { card: makeCard(entries, words, address), findTerms: makeFinder([...entries.values()]), timer: 0, hover: 0, at: "",
    observer: new MutationObserver(() => schedule(state)) };
  for (const type of ["pointermove", "pointerout"]) document.addEventListener(type, (event) => follow(state, /** @type {PointerEvent} */ (event)));
  document.addEventListener("click", (event) => press(state, event), true);
  document.addEventListener("keydown", (event) => hearKey(state, event), true);
  document.addEventListener("pointerdown", ({ target }) => { if (!isInside(target, ".term, .term-card")) closeCard(state.card); }, true);
  const filled = new MutationObserver(() => schedule(state));
  whenDrawn("tabs", (tabs) => filled.observe(tabs, { subtree: true, attributes: true, attributeFilter: ["data-filled"] }));
  whenDrawn("status", (status) => markStatus(state, status));
  filled.observe(document.documentElement, { attributes: true, attributeFilter: ["data-guiding"] }); // a step of the guide is open
  schedule(state);
}

/**
 * Mark the status line in the moment in which it changes: it may do so several times a second, and then nothing else of the page need be
 * looked through. What counts on is not marked.
 * @param {State} state
 * @param {HTMLElement} status
 */
function markStatus(state, status) {
  const observer = new MutationObserver(() => {
    const line = /** @type {HTMLElement | null} */ (status.querySelector(".status.done, .status.error"));
    if (line) markTerms(line, state.findTerms);
    observer.takeRecords();
  });
  observer.observe(status, { childList: true, subtree: true, characterData: true });
}

/** @param {State} state */
function schedule(state) {
  clearTimeout(state.timer);
  state.timer = window.setTimeout(() => whenIdle(() => markShown(state)), SOON);
}

/**
 * Mark what is shown, and hear of its next change.
 * @param {State} state
 */
function markShown(state) {
  const { card, findTerms, observer } = state;
  for (const part of document.querySelectorAll(BESIDE)) observer.observe(part, { childList: true, subtree: true, characterData: true });
  for (const root of findRoots()) {
    markTerms(root, findTerms);
    for (const part of root.querySelectorAll(HEARD)) observer.observe(part, { childList: true, subtree: true, characterData: true });
    for (const panel of root.querySelectorAll("[role=tabpanel]")) observer.observe(panel, { childList: true });
  }
  observer.takeRecords(); // its own marks
  if (card.mark && !card.mark.checkVisibility()) closeCard(card);
  const marks = findShown();
  if (marks.length && !marks.some((mark) => mark.tabIndex === 0)) marks[0].tabIndex = 0;
}

/** @returns {HTMLElement[]} the tab that is shown, and what is marked besides it */
function findRoots() {
  const panels = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#tabs > [role=tabpanel], " + BESIDE)]);
  return panels.filter((panel) => panel.checkVisibility());
}

/** @returns {HTMLElement[]} the marked words in sight, in the page's order: of all, one is reached by Tab */
function findShown() {
  return findMarks(document).filter((mark) => mark.checkVisibility());
}

/**
 * Open the card where a mouse rests on a word, and close it when the mouse has left both.
 * @param {State} state
 * @param {PointerEvent} event
 */
function follow(state, event) {
  const { type, target, pointerType } = event;
  if (pointerType !== "mouse") return;
  if (type === "pointermove") {
    const at = event.screenX + " " + event.screenY;
    if (at === state.at) return; // the page moved below a mouse at rest
    state.at = at;
  }
  const { card } = state, mark = target instanceof HTMLElement ? target.closest(".term") : null;
  if (!mark && !(isInside(target, ".term-card"))) return;
  clearTimeout(state.hover);
  if (card.pinned) return;
  if (type === "pointerout") state.hover = window.setTimeout(() => { if (!card.pinned) closeCard(card); }, CLOSES);
  else if (mark instanceof HTMLElement && mark !== card.mark) state.hover = window.setTimeout(() => openCard(card, mark, false), OPENS);
}

/**
 * Open the card of a word that is tapped, clicked or pressed by a screen reader, and nothing around the word.
 * @param {State} state
 * @param {Event} event
 */
function press(state, event) {
  const mark = event.target instanceof HTMLElement ? event.target.closest(".term") : null;
  if (!(mark instanceof HTMLElement)) {
    schedule(state); // an inner tab or a folded part may have opened
    return;
  }
  event.preventDefault();
  event.stopPropagation();
  clearTimeout(state.hover);
  openCard(state.card, mark, true);
}

/**
 * Where a key is pressed: at what, and at which word, or in which word's card.
 * @typedef {{ state: State, target: HTMLElement, mark: HTMLElement | null, back: boolean }} Place
 */

/** What a key does in a place; false: the key is not for the glossary. @type {Record<string, (place: Place) => unknown>} */
const KEYS = {
  "?": ({ state, target, mark }) => !target.matches(TYPED) && openNext(state, target.matches(".term") ? mark : null, 0, true),
  Escape: ({ state }) => state.card.mark !== null && closeCard(state.card),
  Enter: openHere,
  " ": openHere,
  ArrowRight: ({ state, mark }) => mark !== null && openNext(state, mark, 1, state.card.pinned),
  ArrowLeft: ({ state, mark }) => mark !== null && openNext(state, mark, -1, state.card.pinned),
  Tab: ({ state, target, back }) => state.card.pinned && isLast(state.card.root, target, back) && closeCard(state.card),
};
KEYS.ArrowDown = KEYS.ArrowRight;
KEYS.ArrowUp = KEYS.ArrowLeft;

/** @param {Place} place */
function openHere({ state, target, mark }) {
  return mark === target && openCard(state.card, mark, true);
}

/**
 * @param {State} state
 * @param {KeyboardEvent} event
 */
function hearKey(state, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(KEYS, event.key)) return;
  const target = event.target instanceof HTMLElement ? event.target : document.body;
  const mark = target.matches(".term") ? target : target.closest(".term-card") ? state.card.mark : null;
  if (KEYS[event.key]({ state, target, mark, back: event.shiftKey }) === false) return;
  event.preventDefault();
  event.stopPropagation();
}

/**
 * Go to the word so many further than `mark`, or to the first one in sight, and open its card if asked to.
 * @param {State} state
 * @param {HTMLElement | null} mark
 * @param {number} step
 * @param {boolean} opens
 */
function openNext({ card }, mark, step, opens) {
  const marks = findShown(), next = mark ? marks[marks.indexOf(mark) + step] : marks.find(isInWindow) || marks[0];
  if (!next) return;
  for (const one of marks) one.tabIndex = one === next ? 0 : -1;
  next.focus();
  if (opens) openCard(card, next, true);
}

/** @param {HTMLElement} mark */
function isInWindow(mark) {
  const { top, bottom } = mark.getBoundingClientRect();
  return top >= 0 && bottom <= window.innerHeight && !mark.closest("#status");
}

/**
 * Return whether Tab leads out of the card from here.
 * @param {HTMLElement} root
 * @param {HTMLElement} target
 * @param {boolean} back
 */
function isLast(root, target, back) {
  const stops = [...root.querySelectorAll("button, a")];
  return root.contains(target) && (back ? target === stops[0] || target.matches(".term-name") : target === stops[stops.length - 1]);
}

/** @param {() => void} act */
function whenIdle(act) {
  if ("requestIdleCallback" in window) window.requestIdleCallback(act, { timeout: LONGEST });
  else setTimeout(act);
}
