// Where the page stands: the visit's key, the tab, and the address that leads back here. Knows no tab's content.

import { replaceQuery } from "./shared/address.js";
import { openTab } from "./shown.js";

/** @typedef {Window & { gblmTab?: string, gblmPlace?: boolean }} Page what this visit has chosen, and whether its place is in the address */

/** @typedef {Record<string, string[]>} Presets lists of ids that a link may hide under one name */

const KEY = "gblm-visit";
/** A tab stays in the bar while it is open, and the guide, which may ask about any control, hides nothing of a list. */
const TAB = /^(tab|panel)-|-view$/, UNSELECTED = '-button:not([aria-selected="true"])', GUIDED = ":root:not([data-guiding]) ";

/** @returns {Page} */
function getPage() {
  return window;
}

/**
 * Return the visit's key, the link and, for a number that the server knows, null, after hiding the parts that the link asks to hide.
 * @param {Presets} presets
 * @param {Record<string, string>} tabs the tabs' names by their ids
 * @returns {[key: string, query: string, known: null]}
 */
export function openLink(presets, tabs) {
  const rule = makeHidingRule(location.search, presets);
  if (rule) {
    const style = document.createElement("style");
    style.textContent = rule;
    document.head.append(style);
    document.documentElement.dataset.hide = new URLSearchParams(location.search).get("hide") || "";
    hideInMenu(findHiddenTabs(location.search, presets).map((id) => tabs[id]));
  }
  return [window.sessionStorage.getItem(KEY) || "", location.search, null];
}

/**
 * Return the style that hides what a link asks to hide; "" for nothing. Only names of our own form are taken.
 * @param {string} query
 * @param {Presets} [presets]
 */
export function makeHidingRule(query, presets = {}) {
  const { ids, listed } = readHidden(query, presets);
  const selectors = [...ids.map((id) => "#" + id), ...listed.map((id) => GUIDED + (TAB.test(id) ? "#" + id + UNSELECTED : "#" + id))];
  return selectors.length ? selectors.join(", ") + " { display: none !important; }" : "";
}

/**
 * Return the ids of the tabs that a link's lists hide.
 * @param {string} query
 * @param {Presets} presets
 */
export function findHiddenTabs(query, presets) {
  return readHidden(query, presets).listed.filter((id) => TAB.test(id));
}

/**
 * Return what a link asks to hide: ids that it names itself, and those of the lists that it names.
 * @param {string} query
 * @param {Presets} presets
 */
function readHidden(query, presets) {
  const wanted = (new URLSearchParams(query).get("hide") || "").split(",").filter((id) => /^[a-z-]+$/.test(id));
  return {
    ids: wanted.filter((id) => !Object.hasOwn(presets, id)),
    listed: [...new Set(wanted.flatMap((id) => (Object.hasOwn(presets, id) ? presets[id] : [])))] };
}

/**
 * Hide tabs in the menu of those that do not fit, too; Gradio makes its entries without ids.
 * @param {string[]} names
 */
function hideInMenu(names) {
  document.addEventListener("click", ({ target }) => {
    const menu = target instanceof Element ? target.closest(".overflow-menu") : null;
    for (const entry of /** @type {Iterable<HTMLElement>} */ (menu?.querySelectorAll(".overflow-dropdown button") || [])) {
      entry.style.display = names.includes(entry.textContent?.trim() || "") ? "none" : "";
    }
  }, { capture: true });
}

/**
 * @param {string} key
 * @returns {[key: string]}
 */
export function keepKey(key) {
  window.sessionStorage.setItem(KEY, key);
  return [key];
}

/**
 * Write selection and settings into the address and into the links to the other language.
 * @param {string} query
 * @returns {[query: string]}
 */
export function writeAddress(query) {
  replaceQuery(mergeQuery(query, location.search, getPage().gblmTab));
  getPage().gblmPlace = true;
  return [query];
}

/**
 * Return a query with the visitor's tab, what is hidden and the guide's step, unless it names its own.
 * @param {string} query
 * @param {string} before the address's query
 * @param {string} [tab]
 */
export function mergeQuery(query, before, tab) {
  const now = new URLSearchParams(before), next = new URLSearchParams(query);
  if (tab) now.set("tab", tab);
  for (const name of ["tab", "hide", "projector", "guide", "step"]) {
    const value = now.get(name);
    if (value !== null && !next.has(name)) next.set(name, value);
  }
  return next.toString();
}

/**
 * Return the update of the tabs that opens the link's tab, unless the visitor has opened another one meanwhile.
 * @param {string[]} names of all tabs
 * @param {string} query the link
 * @returns {[update: { __type__: "update", selected?: string }]}
 */
export function openLinkedTab(names, query) {
  const tab = new URLSearchParams(query).get("tab") || "";
  return [{ __type__: "update", ...names.includes(tab) && !getPage().gblmTab ? { selected: tab } : {} }];
}

/**
 * Fill the tab that is shown, and keep it. An opening page selects its first tab before it has read the link; that does not count as
 * a visitor's choice. Gradio may announce a tab after the visitor has gone on to another one; the tab whose button is selected is taken then.
 * @param {string} announced
 * @param {string} first
 */
export function showTab(announced, first) {
  const name = findSelectedTab() || announced;
  openTab(name);
  if (!getPage().gblmTab && name === first) return;
  getPage().gblmTab = document.body.dataset.tab = name;
  if (!getPage().gblmPlace) return;
  const query = new URLSearchParams(location.search);
  query.set("tab", name);
  replaceQuery(query.toString());
}

/** @returns {string} the name of the tab whose button is selected; "" if it is in the menu of those that do not fit */
function findSelectedTab() {
  const button = document.querySelector('[aria-controls^="tab-"][aria-selected="true"]');
  return button?.getAttribute("data-tab-id") || "";
}
