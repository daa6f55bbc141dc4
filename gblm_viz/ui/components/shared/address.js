// The page's address, and the links to the other language, which lead to the same place.

/** @param {string} query */
export function replaceQuery(query) {
  history.replaceState(null, "", location.pathname + (query ? "?" + query : ""));
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("#lang nav a"))) link.search = location.search;
}
