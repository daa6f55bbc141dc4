// What the guide does to the page around it: opens tabs, sets controls as a visitor would, frames and covers, scrolls.

import { PAUSE, openPanels, wait, waitFor } from "../shared/panels.js";

const SETTLED = 350, QUIET = 700; // milliseconds
const STYLE = "guide-style";

/**
 * @typedef {import("./steps.js").Place} Place
 * @typedef {import("./steps.js").Shown} Shown
 */

/**
 * Open the panels inside the tab that the server opens, and give controls their values.
 * @param {Place} place
 * @param {() => boolean} wanted
 */
export async function openPlace(place, wanted) {
  await openPanels(place.tab, [place.panel, place.view], wanted);
  if (place.show.length) await waitForQuiet(wanted);
  for (const one of place.show) {
    const control = await waitFor(() => document.querySelector("#" + one.id + " input"), wanted);
    if (control) await setControl(one, wanted);
  }
}

/**
 * Wait until the tabs have been as they are for a moment: what fills a panel that has just opened would undo what is set meanwhile.
 * @param {() => boolean} wanted
 */
async function waitForQuiet(wanted) {
  const tabs = document.getElementById("tabs");
  let last = performance.now();
  const observer = new MutationObserver(() => { last = performance.now(); });
  if (tabs) observer.observe(tabs, { childList: true, subtree: true, characterData: true });
  await waitFor(() => performance.now() - last > QUIET, wanted);
  observer.disconnect();
}

/**
 * Choose a value as a click does, so that the tab hears of it: of radio buttons, or of a list.
 * @param {Shown} shown
 * @param {() => boolean} wanted
 */
async function setControl({ id, value, label }, wanted) {
  const root = /** @type {HTMLElement} */ (document.getElementById(id));
  const radios = /** @type {HTMLInputElement[]} */ ([...root.querySelectorAll("input[type=radio]")]);
  const radio = radios.find((one) => one.value === String(value));
  if (radio) {
    if (!radio.checked) radio.click();
    return;
  }
  const box = /** @type {HTMLInputElement | null} */ (root.querySelector("input"));
  if (!box || box.value === label) return;
  const before = document.activeElement;
  box.focus();
  if (box.getAttribute("aria-expanded") !== "true") box.click();
  const option = await waitFor(() => findOption(box, label), wanted, 1500);
  option?.dispatchEvent(new MouseEvent("mousedown", { bubbles: true, cancelable: true }));
  await wait(PAUSE);
  box.blur();
  if (before instanceof HTMLElement) before.focus({ preventScroll: true });
}

/**
 * Return the entry of a list that is open, by its label.
 * @param {HTMLInputElement} box
 * @param {string} label
 */
function findOption(box, label) {
  const list = document.getElementById(box.getAttribute("aria-controls") || "");
  return [...(list?.querySelectorAll("[role=option]") || [])].find((one) => one.getAttribute("aria-label") === label);
}

/**
 * Frame what the step is about, and cover what would give the answer away.
 * @param {string} highlight
 * @param {string} cover
 * @param {string} covered what stands in its place
 */
export function mark(highlight, cover, covered) {
  const style = document.getElementById(STYLE) || document.head.appendChild(document.createElement("style"));
  style.id = STYLE;
  style.textContent = makeRules(highlight, cover, covered);
}

/**
 * @param {string} highlight
 * @param {string} cover
 * @param {string} covered
 */
export function makeRules(highlight, cover, covered) {
  const parts = cover.split(",").map((one) => one.trim()).filter(Boolean);
  const framed = highlight.split(",").map((one) => one.trim()).filter(Boolean);
  const rules = highlight ? [framed.map((one) => ":has(> " + one + ")").join(", ") + " { overflow: visible !important; }", highlight + " { outline: var(--stroke-pick) solid var(--pick) !important; outline-offset: 1px; border-radius: var(--radius-box); overflow: visible; }"] : [];
  if (parts.length) {
    rules.push(parts.map((one) => one + " *").join(", ") + " { visibility: hidden !important; }",
      parts.join(", ") + " { position: relative; min-height: 44px; }",
      parts.map((one) => one + "::after").join(", ") + " { content: " + JSON.stringify(covered) + "; position: absolute; inset: 0; display: grid; "
        + "place-items: center; text-align: center; border: 1px dashed currentColor; border-radius: var(--radius-box); background: var(--background-fill-secondary); "
        + "color: var(--body-text-color); font-size: var(--letters-small); "
        + "z-index: 3; }");
  }
  return rules.join("\n");
}

/**
 * Scroll so that what is framed stands above the panel, for as long as the page is still growing; a visitor who scrolls has the say.
 * @param {string} highlight
 * @param {HTMLElement} panel
 * @param {() => boolean} wanted
 */
export async function scrollTo(highlight, panel, wanted) {
  let moved = false, last = "";
  const stop = () => { moved = true; };
  const events = ["wheel", "touchmove", "keydown", "pointerdown"];
  for (const event of events) document.addEventListener(event, stop, { passive: true, once: true });
  for (let steady = 0; steady < 6 && wanted() && !moved; await wait(SETTLED)) {
    const end = panel.getBoundingClientRect().top, box = findBox(highlight, end), now = box ? Math.round(box.top + window.scrollY) + " " + Math.round(box.height) : "";
    steady = now === last ? steady + 1 : 0;
    last = now;
    if (box) showBox(box, end);
  }
  for (const event of events) document.removeEventListener(event, stop);
}

/**
 * @param {{ top: number, bottom: number }} box
 * @param {number} end where the panel begins
 */
function showBox(box, end) {
  const by = chooseScroll(box.top, box.bottom, end);
  if (Math.abs(by) > 2) window.scrollBy({ top: by, behavior: "instant" });
}

/**
 * Return by how much to scroll: nothing if all of it is seen, else so that its end is, or, where it is too tall, its beginning.
 * @param {number} top
 * @param {number} bottom
 * @param {number} end
 * @param {number} [margin]
 */
export function chooseScroll(top, bottom, end, margin = 8) {
  if (top >= margin && bottom <= end - margin) return 0;
  if (bottom - top > end - 2 * margin || top < margin) return top - margin;
  return bottom - end + margin;
}

/**
 * Return the box around what is framed; where that is too tall for the room above the panel, as in the projector's view, that of the first
 * selector alone, which names what the step speaks of.
 * @param {string} selector
 * @param {number} room
 */
function findBox(selector, room) {
  const first = selector.split(",")[0], all = boxAround(selector);
  return all && all.height > room ? boxAround(first) || all : all;
}

/** @param {string} selector */
function boxAround(selector) {
  const boxes = (selector ? [...document.querySelectorAll(selector)] : []).filter((one) => one.checkVisibility())
    .map((one) => one.getBoundingClientRect()).filter(({ height }) => height > 0);
  if (!boxes.length) return null;
  const top = Math.min(...boxes.map((one) => one.top)), bottom = Math.max(...boxes.map((one) => one.bottom));
  return { top, bottom, height: bottom - top };
}

/**
 * Return a slider's value: of one with stops the percentage that its output says, else its own.
 * @param {string} target
 */
export function readSlider(target) {
  const slider = /** @type {HTMLInputElement | null} */ (document.querySelector(target));
  if (!slider) return NaN;
  const output = slider.parentElement?.querySelector("output")?.textContent;
  return output ? parseFloat(output) : Number(slider.value);
}
