// Where the page stands: the visit's key, the tab, and the address that leads back here. Knows no tab's content.

import { openTab } from "./shown.js";

/** @typedef {Window & { gblmTab?: string, gblmPlace?: boolean }} Page what this visit has chosen, and whether its place is in the address */

const KEY = "gblm-visit";

/** @returns {Page} */
function getPage() {
  return window;
}

/**
 * Return the visit's key and the link, after hiding the parts that the link asks to hide.
 * @returns {[key: string, query: string]}
 */
export function openLink() {
  const rule = makeHidingRule(location.search);
  if (rule) {
    const style = document.createElement("style");
    style.textContent = rule;
    document.head.append(style);
  }
  return [window.sessionStorage.getItem(KEY) || "", location.search];
}

/**
 * Return the style that hides what a link asks to hide; "" for nothing. Only names of our own form are taken.
 * @param {string} query
 */
export function makeHidingRule(query) {
  const wanted = (new URLSearchParams(query).get("hide") || "").split(","), ids = wanted.filter((id) => /^[a-z-]+$/.test(id));
  return ids.length ? ids.map((id) => "#" + id).join(", ") + " { display: none !important; }" : "";
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
 * Return a query with the visitor's tab and what is hidden, unless it names its own.
 * @param {string} query
 * @param {string} before the address's query
 * @param {string} [tab]
 */
export function mergeQuery(query, before, tab) {
  const now = new URLSearchParams(before), next = new URLSearchParams(query);
  if (tab) now.set("tab", tab);
  for (const name of ["tab", "hide"]) {
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

/** @param {string} query */
function replaceQuery(query) {
  history.replaceState(null, "", location.pathname + (query ? "?" + query : ""));
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("#lang nav a"))) link.search = location.search;
}
