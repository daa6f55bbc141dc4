// Opening a tab's inner panels, once the server has opened and filled the tab.

export const PAUSE = 60; // milliseconds
const PATIENCE = 30_000; // a busy server may take many seconds to fill a tab

/** @typedef {Window & { gblmShown?: string, gblmPlace?: boolean, gblmFilling?: Map<number, string> }} Page */

/** @returns {Page} */
export function getPage() {
  return window;
}

/** @param {number} milliseconds */
export function wait(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/**
 * Return what `look` finds as soon as it finds something; null after PATIENCE, or once it is no longer wanted.
 * @template Found
 * @param {() => Found | null | undefined | false} look
 * @param {() => boolean} wanted
 * @param {number} [patience]
 */
export async function waitFor(look, wanted, patience = PATIENCE) {
  for (const began = performance.now(); wanted() && performance.now() - began < patience; await wait(PAUSE)) {
    const found = look();
    if (found) return found;
  }
  return null;
}

/**
 * Open one panel inside another, from the outermost in, as soon as their tab is open and filled.
 * @param {string} tab
 * @param {string[]} names ids of the panels; "" for none
 * @param {() => boolean} wanted
 */
export async function openPanels(tab, names, wanted) {
  await waitFor(() => isFilled(tab), wanted);
  for (const name of names) {
    const button = name ? await waitFor(() => findTabButton(name), wanted) : null;
    if (!button || button.getAttribute("aria-selected") === "true") continue;
    button.click();
    await waitFor(() => button.getAttribute("aria-selected") === "true", wanted, 1000);
  }
}

/** @param {string} tab */
function isFilled(tab) {
  const { gblmShown, gblmFilling } = getPage();
  return isTabOpen(tab) && (!gblmShown || gblmShown === tab) && ![...(gblmFilling?.values() || [])].includes(tab);
}

/** @param {string} tab */
export function isTabOpen(tab) {
  const panel = document.getElementById("tab-" + tab);
  return Boolean(panel?.checkVisibility());
}

/**
 * @param {string} name
 * @returns {HTMLElement | null}
 */
function findTabButton(name) {
  return document.querySelector('[role="tab"][data-tab-id="' + name + '"]');
}
