// Shows only the terms that have the typed letters, in their name, another form or their text.

/** Show the box, and follow what is typed. */
export function start() {
  const [place, box, told] = ["finding", "find", "none"].map((id) => document.getElementById(id));
  if (!place || !told || !(box instanceof HTMLInputElement)) return;
  place.hidden = false;
  box.addEventListener("input", () => { told.textContent = filterTerms(box.value) ? "" : told.dataset.none || ""; });
}

/**
 * Return how many terms have these letters; all others are hidden, with the parts that are left without any.
 * @param {string} typed
 */
function filterTerms(typed) {
  const letters = fold(typed);
  let count = 0;
  for (const section of document.querySelectorAll("section")) {
    let shown = 0;
    for (const entry of /** @type {NodeListOf<HTMLElement>} */ (section.querySelectorAll(".entry"))) {
      entry.hidden = !fold((entry.dataset.spellings || "") + " " + (entry.textContent || "")).includes(letters);
      if (!entry.hidden) shown++;
    }
    section.hidden = !shown;
    count += shown;
  }
  return count;
}

/**
 * Return a text without differences that nobody types: capitals, full width.
 * @param {string} text
 */
function fold(text) {
  return text.normalize("NFKC").toLowerCase().trim();
}
