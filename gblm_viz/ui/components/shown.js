// Which tab is shown, and what waits until its tab is opened. A tab that nobody looks at is not filled: thirty open
// pages would otherwise have the server draw seven hidden tabs each.

/** @typedef {{ tab: string, resolve: (nothing: []) => void }} Waiting */
/** @typedef {Window & { gblmShown?: string, gblmWaiting?: Map<number, Waiting>, gblmFilling?: Map<number, string> }} Page */

const LONGEST = 15_000;

/** @returns {Page} */
function getPage() {
  return window;
}

/**
 * Answer once the tab is shown. Of several calls from one place only the newest is answered: the others would draw the
 * same again.
 * @param {string} tab
 * @param {number} place
 * @returns {Promise<[]>}
 */
export function whenShown(tab, place) {
  const page = getPage(), waiting = page.gblmWaiting ||= listen();
  return new Promise((resolve) => {
    const call = { tab, resolve };
    waiting.set(place, call);
    // a moment later, so that signals that come together are one call
    setTimeout(() => {
      if (waiting.get(place) === call && isShown(tab)) answer(place, call);
    });
  });
}

/**
 * Answer all that waits for this tab, which is shown from now on. Until it is filled it takes no clicks and no keys: what
 * is typed into a box before would be overwritten. At most LONGEST milliseconds.
 * @param {string} tab
 */
export function openTab(tab) {
  getPage().gblmShown = tab;
  fillTab(tab);
  setTimeout(() => holdTab(tab)); // Gradio draws a tab a moment after its first opening is announced
}

/**
 * Note that what was drawn for a place has come.
 * @param {string} tab
 * @param {number} place
 */
export function markFilled(tab, place) {
  getPage().gblmFilling?.delete(place);
  holdTab(tab);
}

/** @param {string} tab */
function holdTab(tab) {
  const isFilling = [...(getPage().gblmFilling?.values() || [])].includes(tab), panel = document.getElementById("tab-" + tab);
  if (!panel) return;
  panel.toggleAttribute("inert", isFilling);
  if (isFilling) setTimeout(() => panel.removeAttribute("inert"), LONGEST);
  else panel.dataset.filled = "true";
}

/**
 * Listen for a pointer or the focus that reaches a tab's button, which is some tenths of a second before the tab opens:
 * it is filled meanwhile.
 * @returns {Map<number, Waiting>}
 */
function listen() {
  for (const event of ["pointerover", "focusin"]) {
    document.addEventListener(event, ({ target }) => {
      const button = target instanceof Element ? target.closest("[data-tab-id]") : null;
      if (button) fillTab(button.getAttribute("data-tab-id") || "");
    }, { passive: true });
  }
  return new Map();
}

/** @param {string} tab */
function fillTab(tab) {
  const page = getPage(), filling = page.gblmFilling ||= new Map();
  for (const [place, call] of [...(page.gblmWaiting || [])]) {
    if (call.tab !== tab) continue;
    filling.set(place, tab);
    answer(place, call);
  }
}

/**
 * @param {number} place
 * @param {Waiting} call
 */
function answer(place, call) {
  getPage().gblmWaiting?.delete(place);
  call.resolve([]);
}

/** @param {string} tab */
function isShown(tab) {
  return getPage().gblmShown ? getPage().gblmShown === tab : Boolean(document.getElementById("tab-" + tab)?.checkVisibility());
}
