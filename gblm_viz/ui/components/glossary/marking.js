// Marks terms where they stand: the first of each in a panel, in what the page itself says, nowhere else.

/**
 * Ids of the terms that are marked in a panel; those of the panels around it count as well.
 * @typedef {{ ids: Set<string>, around: Scope | null }} Scope
 */

/** What the page itself says: paragraphs, heads of tables, names of controls, legends. */
const SAID = "p, th, li, h2, .info-text, .label-text, [data-testid=block-info], .limit, .tag, .sentence, .status, .prune-formula, .prune-card, .result-card, .pane-title, #compare-measured td, .model-map-legend, .matrix-legend, .matrix-title, .side";
/**
 * What is pressed, typed, drawn, or written by somebody else; the lines that name the model and the text that a result was
 * made of (-tag). Gradio writes a new text into the label in #lost-window by itself, and would find it in pieces.
 */
const NEVER = "button, a, input, textarea, select, code, pre, svg, canvas, .quoted, #overview-tag, #gradient-tag, #gradient-matrix-tag, #prune-tag, #patterns-tag, #weight-tag, #sweep-tag, #won-tag, .pane-title .tag, .result-card .tag, .chat, .asked, .said, .term, .term-card, .sr-only, .save-bar, .token-bars, .weight-strip, .loss-strip, .matrix-cells, .matrix-hover, .model-map-reading, .js-plotly-plot, #lost-window, [role=img], [role=tab], [role=listbox], [aria-hidden=true], [hidden]";
/** Where the name of a text may follow, which a visitor chose: after a colon or a bracket. */
const NAMED = ".compare-summary, #compare-measured td", NAME = /[(:（：]/;
const PANEL = "[role=tabpanel]";

/**
 * A text and the terms in it that are to be marked; or a head of the model map, as a whole.
 * @typedef {{ text: Text, found: import("./finding.js").Found[] } | { head: HTMLElement, id: string }} Plan
 *
 * @typedef {object} Search
 * @property {HTMLElement} root
 * @property {import("./finding.js").Finder} findTerms
 * @property {Map<Element, Scope>} scopes
 * @property {Plan[]} plans
 */

/**
 * Mark the terms below `root` that are not marked yet. First all is read, then all is written: a style that is asked for
 * between two changes would be computed anew each time.
 * @param {HTMLElement} root
 * @param {import("./finding.js").Finder} findTerms
 */
export function markTerms(root, findTerms) {
  /** @type {Search} */
  const search = { root, findTerms, scopes: new Map([[root, { ids: new Set(), around: null }]]), plans: [] };
  for (const mark of findMarks(root)) findScope(search, mark.parentElement || root).ids.add(mark.dataset.term || "");
  searchElement(search, root, root.closest(SAID) !== null);
  for (const plan of search.plans) {
    if ("text" in plan) markText(plan.text, plan.found);
    else markHead(plan.head, plan.id);
  }
}

/**
 * Return the marked terms below an element.
 * @param {ParentNode} root
 * @returns {HTMLElement[]}
 */
export function findMarks(root) {
  return /** @type {HTMLElement[]} */ ([...root.querySelectorAll(".term")]);
}

/**
 * Return the scope of the panel that an element stands in.
 * @param {Search} search
 * @param {Element} element
 * @returns {Scope}
 */
function findScope(search, element) {
  const { root, scopes } = search, closest = element.closest(PANEL), panel = closest && root.contains(closest) ? closest : root;
  const known = scopes.get(panel);
  if (known) return known;
  const made = { ids: new Set(), around: findScope(search, panel.parentElement || root) };
  scopes.set(panel, made);
  return made;
}

/**
 * @param {Search} search
 * @param {Element} element
 * @param {boolean} said whether an element around it is one of SAID
 */
function searchElement(search, element, said) {
  for (const child of element.childNodes) {
    if (child instanceof Text) {
      if (said) searchText(search, child);
    } else if (child instanceof HTMLElement && !child.matches(NEVER) && child.style.display !== "none") {
      if (child.matches(".head[title]")) searchHead(search, child);
      else searchElement(search, child, said || child.matches(SAID));
    }
  }
}

/**
 * @param {Search} search
 * @param {Text} text
 */
function searchText(search, text) {
  const parent = text.parentElement;
  if (!parent || text.data.trim().length === 0) return;
  const scope = findScope(search, parent), readable = parent.closest(NAMED) ? text.data.split(NAME)[0] : text.data;
  const fresh = search.findTerms(readable).filter(({ id }) => !isKnown(scope, id));
  // pieces of a text become boxes of their own in a row or a grid, with other gaps between them
  if (!fresh.length || /flex|grid/.test(getComputedStyle(parent).display)) return;
  search.plans.push({ text, found: fresh.filter(({ id }) => !scope.ids.has(id) && scope.ids.add(id)) });
}

/**
 * A head of the model map has its term in its title. All of them are marked, since they are a row.
 * @param {Search} search
 * @param {HTMLElement} head
 */
function searchHead(search, head) {
  const [found] = search.findTerms(head.title);
  if (!found || found.end - found.start < head.title.length) return;
  search.plans.push({ head, id: found.id });
  findScope(search, head).ids.add(found.id);
}

/**
 * @param {Text} text
 * @param {import("./finding.js").Found[]} found
 */
function markText(text, found) {
  for (const { start, end, id } of found.reverse()) {
    const mark = document.createElement("span"), after = text.data.slice(end);
    mark.textContent = text.data.slice(start, end);
    makeMark(mark, id);
    text.after(mark, ...after ? [after] : []);
    text.data = text.data.slice(0, start); // the piece that was there before stays the first one
  }
}

/**
 * @param {HTMLElement} head
 * @param {string} id
 */
function markHead(head, id) {
  head.setAttribute("aria-label", head.title);
  head.removeAttribute("title");
  makeMark(head, id);
}

/**
 * @param {HTMLElement} mark
 * @param {string} id
 */
function makeMark(mark, id) {
  mark.className = (mark.className + " term").trim();
  mark.dataset.term = id;
  mark.tabIndex = -1;
  mark.setAttribute("role", "button");
  mark.setAttribute("aria-haspopup", "dialog");
}

/**
 * @param {Scope | null} scope
 * @param {string} id
 * @returns {boolean}
 */
function isKnown(scope, id) {
  return scope !== null && (scope.ids.has(id) || isKnown(scope.around, id));
}
