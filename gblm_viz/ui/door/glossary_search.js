// Shows only the terms that have the typed letters, in their name, another form or their text; the closest ones come first.

const NOWHERE = 4;

/** Show the box, and follow what is typed. */
export function start() {
  const [place, box, told] = ["finding", "find", "none"].map((id) => document.getElementById(id));
  if (!place || !told || !(box instanceof HTMLInputElement)) return;
  place.hidden = false;
  box.addEventListener("input", () => { told.textContent = filterTerms(box.value) ? "" : told.dataset.none || ""; });
}

/**
 * Return how many terms have these letters; all others are hidden, with the parts that are left without any. Terms and parts stand in
 * the order of how close they come, else as they were.
 * @param {string} typed
 */
function filterTerms(typed) {
  const letters = fold(typed), sections = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("section")]);
  let count = 0;
  for (const section of sections) {
    const entries = /** @type {HTMLElement[]} */ ([...section.querySelectorAll(".entry")]);
    for (const entry of entries) {
      const names = [entry.querySelector("h3")?.textContent || "", ...(entry.dataset.spellings || "").split("|")];
      entry.dataset.rank = String(letters ? rankTerm(letters, names.map(fold), fold(entry.textContent || "")) : 0);
      entry.hidden = entry.dataset.rank === String(NOWHERE);
      if (!entry.hidden) count++;
    }
    section.dataset.rank = String(Math.min(...entries.map(readRank)));
    section.hidden = section.dataset.rank === String(NOWHERE);
    order(entries);
  }
  order(sections);
  return count;
}

/**
 * Return how close a term comes to the letters: 0 it is spelled so, 1 it begins so, 2 it has them in it, 3 its text has them, 4 nothing has.
 * @param {string} letters
 * @param {string[]} names
 * @param {string} text
 */
export function rankTerm(letters, names, text) {
  if (names.includes(letters)) return 0;
  if (names.some((one) => one.startsWith(letters))) return 1;
  if (names.some((one) => one.includes(letters))) return 2;
  return text.includes(letters) ? 3 : NOWHERE;
}

/** @param {HTMLElement} element */
function readRank({ dataset }) {
  return Number(dataset.rank);
}

/**
 * Put elements of one parent into the order of their ranks, and of the page as it was loaded where these are equal.
 * @param {HTMLElement[]} elements
 */
function order(elements) {
  const parent = elements[0]?.parentElement;
  elements.forEach((one, at) => { one.dataset.at ||= String(at); });
  const wanted = [...elements].sort((one, other) => readRank(one) - readRank(other) || Number(one.dataset.at) - Number(other.dataset.at));
  if (wanted.some((one, at) => one !== elements[at])) parent?.append(...wanted);
}

/**
 * Return a text without differences that nobody types: capitals, full width.
 * @param {string} text
 */
function fold(text) {
  return text.normalize("NFKC").toLowerCase().trim();
}
