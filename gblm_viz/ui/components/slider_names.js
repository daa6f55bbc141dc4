// Gradio names a slider's two inputs in English whatever the language; this says them in the page's own.

/**
 * Return an input's name in the page's language, null if it is none of Gradio's.
 * @param {string} name
 * @param {Record<string, string>} names Gradio's beginning of a name → the page's name, with %s for the rest
 * @returns {string | null}
 */
export function translateName(name, names) {
  const english = Object.keys(names).find((begin) => name.startsWith(begin));
  return english === undefined ? null : names[english].replace("%s", () => name.slice(english.length));
}

/** @param {Record<string, string>} names */
export function start(names) {
  const inputs = Object.keys(names).map((begin) => `input[aria-label^="${begin}"]`).join(", ");
  new MutationObserver(() => {
    for (const input of document.querySelectorAll(inputs)) {
      const own = translateName(input.getAttribute("aria-label") || "", names);
      if (own !== null) input.setAttribute("aria-label", own);
    }
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-label"] });
}
