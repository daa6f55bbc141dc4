// The one card that says what a term means. Knows no page: it is given the entries and the place.

import { append } from "../shared/dom.js";

/**
 * @typedef {{ close: string, see: string, all: string, title: string }} Words
 * @typedef {{ id: string, name: string, text: string, see: string[], spellings: string[], picture: Element | null }} Entry
 *
 * @typedef {object} Card
 * @property {HTMLElement} root
 * @property {Map<string, Entry>} entries
 * @property {Words} words
 * @property {string} address of the page of all terms
 * @property {HTMLElement | null} mark the word that it explains; null while it is closed
 * @property {boolean} pinned whether it stays when the pointer leaves
 */

const GAP = 6, MARGIN = 8; // pixels between the word and the card, and between the card and the window's edge

/**
 * Make the closed card at the end of the page.
 * @param {Map<string, Entry>} entries
 * @param {Words} words
 * @param {string} address
 * @returns {Card}
 */
export function makeCard(entries, words, address) {
  const root = append(document.body, "div", "term-card");
  root.hidden = true;
  root.setAttribute("role", "dialog");
  root.setAttribute("aria-labelledby", "term-name");
  root.setAttribute("aria-describedby", "term-text");
  return { root, entries, words, address, mark: null, pinned: false };
}

/**
 * Open the card at a marked word. Pinned, it takes the focus and stays.
 * @param {Card} card
 * @param {HTMLElement} mark
 * @param {boolean} pinned
 */
export function openCard(card, mark, pinned) {
  const entry = card.entries.get(mark.dataset.term || "");
  if (!entry) return;
  if (card.mark !== mark) card.mark?.removeAttribute("aria-expanded");
  card.mark = mark;
  card.pinned = pinned;
  mark.setAttribute("aria-expanded", "true");
  card.root.hidden = false;
  showEntry(card, entry);
}

/**
 * Close the card. A focus inside it returns to the word.
 * @param {Card} card
 */
export function closeCard(card) {
  const { mark, root } = card, hadFocus = root.contains(document.activeElement);
  card.mark = null;
  card.pinned = false;
  root.hidden = true;
  mark?.removeAttribute("aria-expanded");
  if (hadFocus && mark?.isConnected) mark.focus({ preventScroll: true });
}

/**
 * @param {Card} card
 * @param {Entry} entry
 */
function showEntry(card, entry) {
  const { root, words } = card;
  root.textContent = "";
  const name = append(root, "strong", "term-name", entry.name);
  name.id = "term-name";
  name.tabIndex = -1;
  if (entry.picture) root.append(document.importNode(entry.picture, true));
  append(root, "p", "term-text", entry.text).id = "term-text";
  const see = append(root, "p", "term-see");
  if (entry.see.length) append(see, "span", "", words.see);
  for (const id of entry.see) appendRelated(card, see, id);
  const all = append(see, "a", "term-all", words.all);
  all.href = card.address + "#" + entry.id;
  all.target = "_blank";
  const close = append(root, "button", "term-close", "×");
  close.type = "button";
  close.title = words.close;
  close.setAttribute("aria-label", words.close);
  close.addEventListener("click", () => closeCard(card));
  placeCard(card);
  if (card.pinned) name.focus({ preventScroll: true });
}

/**
 * @param {Card} card
 * @param {HTMLElement} parent
 * @param {string} id
 */
function appendRelated(card, parent, id) {
  const entry = card.entries.get(id);
  if (!entry) return;
  const button = append(parent, "button", "", entry.name);
  button.type = "button";
  button.addEventListener("click", () => {
    card.pinned = true;
    showEntry(card, entry);
  });
}

/**
 * Put the card below its word, or above it where there is no room, within the window.
 * @param {Card} card
 */
function placeCard({ root, mark }) {
  if (!mark) return;
  const word = mark.getClientRects()[0] || mark.getBoundingClientRect(), box = root.getBoundingClientRect();
  const { left, top } = findPlace(word, box, { width: document.documentElement.clientWidth, height: window.innerHeight });
  root.style.left = left + window.scrollX + "px";
  root.style.top = top + window.scrollY + "px";
}

/**
 * Return where a box of this size goes, in pixels of the window.
 * @param {{ left: number, top: number, bottom: number }} word
 * @param {{ width: number, height: number }} box
 * @param {{ width: number, height: number }} seen the window
 */
export function findPlace(word, box, seen) {
  const left = Math.max(MARGIN, Math.min(word.left, seen.width - box.width - MARGIN));
  const below = word.bottom + GAP, above = word.top - GAP - box.height;
  return { left, top: below + box.height > seen.height && above >= 0 ? above : below };
}
