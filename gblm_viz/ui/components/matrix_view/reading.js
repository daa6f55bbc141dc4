// Says what the pointer is on: at once from the screen, and exactly as soon as the server has answered.

import { pointed } from "./block.js";
import { numbersAt } from "./pixels.js";
import { asked, exactly, hasPicture } from "./requests.js";
import { sentence } from "./said.js";

/** @typedef {import("./types.js").View} View */

const WAIT = 60; // milliseconds at one place before the server is asked

/**
 * @param {View} view
 * @param {string} text
 */
export function tell({ parts, root, words }, text) {
  parts.hover.textContent = text || words.hint || "";
  parts.hover.classList.toggle("hint", !text);
  root.dataset.hover = text;
}

/** @param {View} view */
export function readPointer(view) {
  const { probe, tile, field, drag } = view, block = drag ? null : pointed(view);
  clearTimeout(probe.timer);
  if (!block || !hasPicture(view)) {
    tell(view, "");
    return;
  }
  const name = JSON.stringify([asked(view), block]);
  if (probe.of === name && probe.numbers) {
    tell(view, sentence(view, block, probe.numbers, true));
    return;
  }
  const own = tile && tile.field === field && tile.version === view.value.version;
  const seen = own ? numbersAt(tile, block) : null;
  if (seen) tell(view, sentence(view, block, seen.numbers, seen.exact));
  if (seen && seen.exact) return;
  probe.of = name;
  probe.numbers = null;
  probe.timer = setTimeout(async () => {
    const answer = await exactly(view, block);
    if (!answer || probe.of !== name) return;
    probe.numbers = answer.numbers;
    readPointer(view);
  }, WAIT);
}
