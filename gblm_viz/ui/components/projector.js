// The projector's view: larger letters, one column, and keys that lead from one thing on the screen to the next. Knows no tab's content.

import { replaceQuery } from "./shared/address.js";
import { isInside } from "./shared/dom.js";

const NARROW = "(max-width: 999px)", FIELD = "projector";
/** What uses these keys itself. */
const OWN_KEYS = "input, textarea, select, canvas, [contenteditable=true], [role=tab], [role=slider], [role=grid], [role=radio], [role=listbox], " +
  ".matrix-view, .model-map-grid, .probe-table, dialog";
/** What fits on one screen together: pictures with their controls, tables, sentences, in the order of the page. */
const THINGS = ".tabitem .block, .tabitem .html-container, .tabitem button.lg, .tabitem button.sm";
/** Pixels by which a thing may stick out and still counts as seen. */
const SLACK = 8;

/** @typedef {{ top: number, bottom: number }} Reach */

/** @type {Readonly<Record<string, number>>} */
const STEPS = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 };

/**
 * Return how far a key leads: 1 to the next thing, -1 to the one before, 0 for any other key. A presenter's clicker sends PageDown and PageUp.
 * @param {Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">} event
 */
export function readStep(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return 0;
  return Object.hasOwn(STEPS, event.key) ? STEPS[event.key] : 0;
}

/**
 * Return where the page is to be scrolled so that what comes next, or came before, is at the top of the screen; null at the end, where another
 * tab follows. A thing that is higher than the screen is shown screen by screen.
 * @param {readonly Reach[]} things from the top of the page, in pixels
 * @param {number} at where the page is scrolled now
 * @param {number} height of the screen
 * @param {number} direction 1 or -1
 * @returns {number | null}
 */
export function chooseTop(things, at, height, direction) {
  const sorted = [...things].sort((one, other) => one.top - other.top);
  if (direction > 0) {
    const cut = sorted.filter((one) => one.bottom > at + height + SLACK);
    if (!cut.length) return null;
    const top = Math.min(...cut.map((one) => one.top));
    return top > at + SLACK ? Math.min(top, at + height) : at + height;
  }
  const above = sorted.filter((one) => one.top < at - SLACK);
  if (!above.length) return null;
  const first = above.find((one) => one.top >= at - height);
  return first ? first.top : at - height;
}

/**
 * Return a query with or without the projector's view.
 * @param {string} query
 * @param {boolean} on
 */
export function writeField(query, on) {
  const fields = new URLSearchParams(query);
  if (on) fields.set(FIELD, "1");
  else fields.delete(FIELD);
  return fields.toString();
}

/** @param {string} query */
export function readField(query) {
  return new URLSearchParams(query).get(FIELD) === "1";
}

/** @returns {HTMLElement} */
function findRoot() {
  return document.documentElement;
}

/** One column where the window is narrow or the letters are large. */
function setNarrow() {
  findRoot().toggleAttribute("data-narrow", matchMedia(NARROW).matches || findRoot().hasAttribute("data-projector"));
}

/** @param {boolean} on */
function show(on) {
  findRoot().toggleAttribute("data-projector", on);
  document.getElementById(FIELD)?.setAttribute("aria-pressed", String(on));
  setNarrow();
  window.dispatchEvent(new Event("resize"));
}

function turn() {
  const on = !findRoot().hasAttribute("data-projector");
  replaceQuery(writeField(location.search, on));
  show(on);
  window.scrollTo({ top: 0 });
}

/** @returns {Reach[]} */
function findThings() {
  const seen = [...document.querySelectorAll(THINGS)].filter((one) => one.checkVisibility() && !one.parentElement?.closest(".block"));
  return seen.map((one) => one.getBoundingClientRect()).filter((box) => box.width > 2 && box.height > 2)
    .map((box) => ({ top: box.top + scrollY, bottom: box.bottom + scrollY }));
}

/** @returns {number} the pixels of the screen that the guide's panel leaves free */
function findHeight() {
  return innerHeight - (parseFloat(findRoot().style.getPropertyValue("--guide-room")) || 0);
}

/**
 * Open the tab after, or before, the one that is shown, at its beginning.
 * @param {number} direction
 */
function openNextTab(direction) {
  const tabs = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#tabs > .tab-wrapper [role=tab][data-tab-id]")]);
  const shown = tabs.findIndex((one) => one.getAttribute("aria-selected") === "true"), next = tabs[shown + direction];
  if (shown < 0 || !next) return;
  next.click();
  window.scrollTo({ top: 0 });
}

/** @param {KeyboardEvent} event */
function hear(event) {
  const direction = findRoot().hasAttribute("data-projector") ? readStep(event) : 0;
  if (!direction || event.defaultPrevented || isInside(event.target, OWN_KEYS)) return;
  event.preventDefault();
  const top = chooseTop(findThings(), scrollY, findHeight(), direction);
  if (top === null) openNextTab(direction);
  else window.scrollTo({ top });
}

/** Called in the page's head, before anything of it is drawn. */
export function start() {
  show(readField(location.search));
  matchMedia(NARROW).addEventListener("change", setNarrow);
  document.addEventListener("keydown", hear);
  document.addEventListener("click", (event) => {
    if (isInside(event.target, "#" + FIELD)) turn();
  });
  // the button comes after the head, when Gradio has drawn the page
  const drawn = new MutationObserver(() => {
    const button = document.getElementById(FIELD);
    if (!button) return;
    drawn.disconnect();
    button.setAttribute("aria-pressed", String(findRoot().hasAttribute("data-projector")));
  });
  drawn.observe(document, { subtree: true, childList: true });
}
