// Hears the controls of the page that the picture follows while they move.

import { listenWhile } from "../shared/dom.js";
import { requestTiles } from "./requests.js";
import { isList } from "./settings.js";

/** @typedef {import("./types.js").View} View */

const REST = 250; // milliseconds without a move after which the controls have come to rest
const TYPED = 40; // the same for a number that is typed: it is one value at once, not a walk through many
const AFTER = 20; // frames for which a list is still looked at once it has been left

/** @param {View} view */
export function listenToControls(view) {
  listenWhile(view.element, "input", (event) => {
    if (event.target instanceof HTMLInputElement) follow(view, event.target);
  });
  listenWhile(view.element, "focusin", ({ target }) => {
    if (target instanceof HTMLInputElement && isList(target) && isFollowed(view, target)) watchList(view, target);
  });
}

/**
 * @param {View} view
 * @param {HTMLInputElement} input
 */
function isFollowed({ value }, input) {
  return value !== null && Object.values(value.live || {}).some(({ place }) => input.closest(place));
}

/**
 * @param {View} view
 * @param {HTMLInputElement} input
 */
function follow(view, input) {
  if (view.sliders.some((place) => input.closest(place))) { // also while there is no picture that follows it
    clearTimeout(view.resting);
    view.resting = setTimeout(() => view.trigger("release", {}), chooseRest(input));
  }
  if (!isFollowed(view, input)) return;
  view.heard = input;
  view.root.dataset.live = "";
  requestTiles(view);
}

/**
 * Return how long a control must be left alone. An empty number box waits longer, as its number is still to come.
 * @param {HTMLInputElement} input
 */
export function chooseRest({ type, value }) {
  return type === "number" && value ? TYPED : REST;
}

/**
 * A list whose entry is chosen changes what it shows without an event: it is looked at each frame while it is in use.
 * @param {View} view
 * @param {HTMLInputElement} input
 */
function watchList(view, input) {
  let shown = input.value, frames = AFTER;
  const look = () => {
    if (input.value !== shown) {
      shown = input.value;
      follow(view, input);
    }
    frames = document.activeElement === input ? AFTER : frames - 1;
    if (frames) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
