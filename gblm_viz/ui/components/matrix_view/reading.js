// Says what the pointer is on: at once from the screen, and exactly as soon as the server has answered.

import { findBlock } from "./block.js";
import { readNumbers } from "./pixels.js";
import { fetchExact, hasPicture, makeRequestHead } from "./requests.js";
import { describeBlock } from "./wording.js";

/** @typedef {import("./types.js").View} View */

const WAIT = 60; // milliseconds at one place before the server is asked

/**
 * @param {View} view
 * @param {string} text
 */
export function showReading({ parts, root, words }, text) {
  if (!text) parts.hover.setAttribute("aria-live", "off"); // the hint comes back whenever nothing is pointed at: no news
  parts.hover.textContent = text || words.hint || "";
  parts.hover.classList.toggle("hint", !text);
  root.dataset.hover = text;
}

/** @param {View} view */
export function readPointer(view) {
  const { probe, tile, field, drag } = view, block = drag ? null : findBlock(view);
  clearTimeout(probe.timer);
  if (!block || !hasPicture(view)) {
    showReading(view, "");
    return;
  }
  const name = JSON.stringify([makeRequestHead(view), block]);
  if (probe.of === name && probe.numbers) {
    showReading(view, describeBlock(view, block, probe.numbers, true));
    return;
  }
  const own = tile && tile.field === field && tile.version === view.value.version;
  const seen = own ? readNumbers(tile, block) : null;
  if (seen) showReading(view, describeBlock(view, block, seen.numbers, seen.exact));
  if (seen && seen.exact) return;
  probe.of = name;
  probe.numbers = null;
  probe.timer = setTimeout(async () => {
    const answer = await fetchExact(view, block);
    if (!answer || probe.of !== name) return;
    probe.numbers = answer.numbers;
    readPointer(view);
  }, WAIT);
}
