// Takes what comes from outside: a new value, a new size.

import { findShownColumn, say } from "./wording.js";
import { drawSwitch } from "./fields.js";
import { snapScale } from "./ladder.js";
import { fit } from "./moving.js";
import { bringIntoSight, clearPin, describePin, setPin } from "./pin.js";
import { centrePort, computeSize } from "./port.js";
import { draw } from "./painting.js";
import { showReading } from "./reading.js";
import { hasPicture, refreshOverview, showState } from "./requests.js";
import { nameTools } from "./tools.js";

/**
 * @typedef {import("./types.js").View} View
 * @typedef {import("./types.js").ShownView} ShownView
 * @typedef {import("./types.js").Value} Value
 */

const MOST_PIXELS = 4000000;

/**
 * @param {View} view
 * @param {Value | null | undefined} next
 */
export function accept(view, next) {
  if (!next || !next.key) {
    clearView(view);
    return;
  }
  const before = view.value, same = before !== null && before.version === next.version && before.key === next.key;
  view.value = same ? { ...next, fields: before.fields } : next; // the fields are compared by identity
  view.words = next.words;
  if (!same) view.field = chooseField(next, view.field);
  if (!hasPicture(view)) return;
  nameParts(view);
  drawSwitch(view);
  if (!same) replacePicture(view, before);
  const at = placePin(view, before);
  showReading(view, "");
  if (!view.port.width) return;
  if (view.port.fitted) fit(view);
  else {
    view.applyMove();
    refreshOverview(view);
  }
  if (at) bringIntoSight(view, ...at);
}

/** @param {View} view */
function clearView(view) {
  const { root, parts } = view;
  view.value = view.field = view.tile = view.overview = view.live = view.heard = null;
  delete root.dataset.live;
  root.dataset.state = "empty";
  for (const part of [parts.title, parts.fields, parts.hover, parts.pinned, parts.legend, parts.cells, parts.message])
    part.textContent = "";
  view.drawSoon();
}

/**
 * Return the field to show: the one that the value names, or the visitor's choice if the picture has it, or the first.
 * @param {Pick<Value, "fields" | "field">} value
 * @param {import("./types.js").Field | null} chosen
 */
export function chooseField({ fields, field }, chosen) {
  return fields.find((one) => one.id === field) || fields.find((one) => one.id === chosen?.id) || fields[0];
}

/** @param {ShownView} view */
function nameParts(view) {
  const { root, parts, canvas, value, words, field } = view, { title, rows, columns } = value;
  root.dataset.rows = String(rows);
  root.dataset.columns = String(columns);
  root.dataset.field = field.id;
  parts.title.textContent = title;
  canvas.setAttribute("aria-label", say(words, "canvas", { title, rows, columns }));
  parts.columns.setAttribute("aria-label", words.profiles_columns);
  parts.rows.setAttribute("aria-label", words.profiles_rows);
  parts.goto.placeholder = words.goto_short;
  parts.goto.setAttribute("aria-label", words.goto);
  parts.goto.title = words.goto;
  nameTools(view);
}

/**
 * Forget what belongs to the old picture. It stays on the screen, with its own legend, until the new one arrives.
 * @param {ShownView} view
 * @param {Value | null} before
 */
function replacePicture(view, before) {
  const { root, value, words, tile } = view;
  delete root.dataset.error;
  delete root.dataset.live;
  view.overview = view.live = view.heard = null;
  view.legendOf = view.probe.of = "";
  view.failed = false;
  if (tile && before && before.title !== value.title) root.dataset.older = ""; // faded: its title is already the new one's
  showState(view, "loading", tile ? "" : words.loading);
  if (before && JSON.stringify(before.sorted) !== JSON.stringify(value.sorted)) clearPin(view, false);
  if (before && before.rows === value.rows && before.columns === value.columns) return;
  view.tile = null;
  clearPin(view, false);
  view.port.fitted = true;
}

/**
 * Mark the weight that the value names, if any; return it, as shown.
 * @param {ShownView} view
 * @param {Value | null} before
 * @returns {[row: number, column: number] | null}
 */
function placePin(view, before) {
  const { value } = view;
  if (value.pin) {
    const [row, stored] = value.pin, column = findShownColumn(value, stored);
    setPin(view, row, column, false);
    return [row, column];
  }
  if (view.pin && before && JSON.stringify(before.pin) !== JSON.stringify(value.pin)) clearPin(view, false);
  else if (view.pin) describePin(view, false);
  return null;
}

/** @param {View} view */
export function acceptSize(view) {
  const { canvas, port } = view, box = canvas.getBoundingClientRect();
  if (box.width < 2 || box.height < 2) return; // in a tab that is not shown
  const before = { ...port }, next = computeSize(box, window.devicePixelRatio || 1, MOST_PIXELS);
  if (next.width === before.width && next.height === before.height && next.ratio === before.ratio) return;
  Object.assign(port, next);
  if (next.ratio !== before.ratio) port.scale *= next.ratio / before.ratio;
  canvas.width = next.width;
  canvas.height = next.height;
  if (hasPicture(view)) refit(view, before);
  else view.drawSoon();
  draw(view);
}

/**
 * Fit the matrix into its new canvas, or keep in the middle what is there.
 * @param {ShownView} view
 * @param {import("./types.js").Port} before
 */
function refit(view, before) {
  const { port, pin, value } = view, first = !before.width;
  if (first || port.fitted) {
    fit(view);
    if (first && pin) bringIntoSight(view, pin.row, pin.column);
    return;
  }
  port.scale = port.wish = snapScale(port.scale, value, port);
  centrePort(port, (before.height / 2 - before.top) / before.scale, (before.width / 2 - before.left) / before.scale);
  view.applyMove();
}
