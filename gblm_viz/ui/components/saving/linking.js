// A link to one picture: the page's own address with the picture's name behind a #, and the inner panels it lies in. It
// stays in the browser, as what stands behind a # is never sent.

import { copyText } from "../shared/clipboard.js";
import { openPanels, waitFor } from "../shared/panels.js";

/** @typedef {{ link: string, copied: string, written: string }} Words */

const NAME = /^[a-z][a-z0-9-]*$/, PATIENCE = 30_000, SHOWN = 4000;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let told;

/**
 * Return the picture's name after those of the panels around it, from the outermost in; "" if it has none.
 * @param {Element} target
 */
export function findPlace(target) {
  const home = target.closest("[id]:not([id^='component-'], [id^='html-'])");
  if (!home || !NAME.test(home.id)) return "";
  const panels = [];
  for (let panel = home.closest("[role=tabpanel]"); panel; panel = panel.parentElement?.closest("[role=tabpanel]") || null) {
    const name = document.querySelector(`[role=tab][aria-controls="${panel.id}"]`)?.getAttribute("data-tab-id") || "";
    if (NAME.test(name)) panels.unshift(name);
  }
  return [...panels.slice(1), home.id].join("/"); // the outermost is the tab, which the address names already
}

/**
 * Return the inner panels and the picture's name that an address leads to; null for none.
 * @param {string} hash
 */
export function readPlace(hash) {
  const names = hash.slice(1).split("/");
  return names.every((name) => NAME.test(name)) ? { panels: names.slice(0, -1), name: names[names.length - 1] } : null;
}

/**
 * Put the link into the address and on the clipboard, and say for a moment on the button which of the two was possible.
 * @param {Element} target
 * @param {HTMLElement} button
 * @param {Words} words
 */
export async function copyPlace(target, button, words) {
  const place = findPlace(target);
  if (!place) return;
  const text = button.textContent;
  history.replaceState(null, "", location.pathname + location.search + "#" + place);
  const said = await copyText(location.href) ? words.copied : words.written;
  button.setAttribute("aria-label", said);
  button.textContent = said;
  clearTimeout(told);
  told = setTimeout(() => {
    button.textContent = text;
    button.setAttribute("aria-label", words.link);
  }, SHOWN);
}

/** Bring the picture that the address leads to into view, unless the visitor has gone on meanwhile. */
export async function showLinked() {
  const place = readPlace(location.hash), tab = new URLSearchParams(location.search).get("tab") || "overview";
  if (!place) return;
  let wanted = true;
  for (const event of ["pointerdown", "keydown", "wheel"]) addEventListener(event, () => { wanted = false; }, { once: true, passive: true });
  await openPanels(tab, place.panels, () => wanted);
  const found = await waitFor(() => findShown(place.name), () => wanted, PATIENCE);
  if (!found) return;
  found.scrollIntoView({ block: "center" });
  found.dataset.linked = "true"; // not a class: Gradio writes all classes anew
  setTimeout(() => delete found.dataset.linked, SHOWN);
}

/** @param {string} name */
function findShown(name) {
  const found = document.getElementById(name);
  return found?.checkVisibility() && found.querySelector(".save-bar") ? found : null;
}
