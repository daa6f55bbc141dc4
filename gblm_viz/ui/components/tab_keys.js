// Arrow keys, Home and End lead from tab to tab, and a link into the open one, as a screen reader announces it of a list of tabs; Gradio's own answers to Tab alone.

/**
 * Return the number of the tab that a key leads to, the last one followed by the first; null for any other key.
 * @param {string} key
 * @param {number} at
 * @param {number} count
 * @returns {number | null}
 */
export function findTab(key, at, count) {
  if (key === "ArrowRight") return (at + 1) % count;
  if (key === "ArrowLeft") return (at + count - 1) % count;
  if (key === "Home") return 0;
  return key === "End" ? count - 1 : null;
}

/** The link before everything leads into the open tab, past what stands on every one of them. */
function skipToPanel() {
  const panel = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[role=tabpanel]")]).find((one) => one.checkVisibility());
  if (!panel) return;
  panel.tabIndex = -1;
  panel.focus();
}

export function start() {
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || !event.target.closest(".skip")) return;
    event.preventDefault();
    skipToPanel();
  });
  document.addEventListener("keydown", (event) => {
    const tab = event.target instanceof Element ? event.target.closest("[role=tab]") : null, list = tab?.closest("[role=tablist]");
    if (!tab || !list || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const tabs = /** @type {HTMLElement[]} */ ([...list.querySelectorAll("[role=tab]")]).filter((one) => one.checkVisibility());
    const next = findTab(event.key, tabs.findIndex((one) => one === tab), tabs.length);
    if (next === null) return;
    event.preventDefault();
    tabs[next].focus();
    tabs[next].click();
  });
}
