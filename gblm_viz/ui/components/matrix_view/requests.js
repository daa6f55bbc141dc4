// Asks the server for tiles: one request at a time, the latest view wins.

import { decodeFloats } from "../shared/base64.js";
import { chooseStep, findFitScale } from "./ladder.js";
import { colourPixels, decodeCodes, joinBands, splitIntoBands } from "./pixels.js";
import { alignPiece, findVisible } from "./port.js";
import { readControls } from "./settings.js";

/**
 * @typedef {import("./types.js").View} View
 * @typedef {import("./types.js").ShownView} ShownView
 * @typedef {import("./types.js").Answer} Answer
 * @typedef {import("./types.js").Field} Field
 * @typedef {import("./types.js").Piece} Piece
 * @typedef {import("./types.js").Request} Request
 * @typedef {import("./types.js").Tile} Tile
 */

const ROUGH_FROM = 4;
/** @type {Piece} */
const ONE_WEIGHT = { row: 0, column: 0, rows: 1, columns: 1, height: 1, width: 1 };

/**
 * Return whether there is a picture.
 * @param {View} view
 * @returns {view is ShownView}
 */
export function hasPicture(view) {
  return view.value !== null && view.field !== null;
}

/**
 * Return whether there is a picture, and a canvas with a size to draw it on.
 * @param {View} view
 * @returns {view is ShownView}
 */
export function isReady(view) {
  return hasPicture(view) && view.port.width > 0;
}

/**
 * Return whether the view still shows the picture and the field that a question was about.
 * @param {View} view
 * @param {number} version
 * @param {Field} field
 */
export function isUnchanged(view, version, field) {
  return view.value?.version === version && view.field === field;
}

/**
 * Return how many rows one row may stand for: while controls are ahead of the picture, two where a pixel shows many.
 * @param {View} view
 */
export function chooseRowStep(view) {
  return view.live && chooseStep(view.port.scale) >= ROUGH_FROM ? 2 : 1;
}

/**
 * Return what every request says: which picture, and where the controls that it follows have been moved to.
 * @param {ShownView} view
 * @returns {import("./types.js").Asked}
 */
export function makeRequestHead(view) {
  const { value, field, live } = view;
  return { key: value.key, field: field.id, version: value.version, ...(live && { live, every: chooseRowStep(view) }) };
}

/**
 * Return the request for what is in sight.
 * @param {ShownView} view
 * @returns {Request}
 */
export function makeRequest(view) {
  return { ...makeRequestHead(view), ...alignPiece(findVisible(view.port, view.value), chooseStep(view.port.scale)) };
}

/** @param {object} request */
export function nameRequest(request) {
  return JSON.stringify(request);
}

/**
 * Ask for what is in sight until it is on the screen.
 * @param {View} view
 */
export async function requestTiles(view) {
  if (view.flying) return;
  view.flying = true;
  try {
    let state = "more";
    while (state === "more" && isReady(view)) {
      readControls(view);
      const request = makeRequest(view);
      if (view.tile?.name === nameRequest(request)) break;
      state = await requestTile(view, request);
    }
    if (state !== "over" && isReady(view) && !view.failed) view.finish();
  } finally {
    view.flying = false;
  }
}

/**
 * Ask for one tile and keep it. Return "more" if another one is wanted by now, "over" if there is nothing to ask for.
 * @param {ShownView} view
 * @param {Request} request
 * @returns {Promise<"more" | "done" | "over">}
 */
async function requestTile(view, request) {
  const { root, field } = view, name = nameRequest(request);
  root.dataset.state = "loading";
  const answer = await fetchTile(view, request).catch(() => /** @type {Answer} */ ({ error: "offline" }));
  if (!view.element.isConnected) return "over";
  if (!isUnchanged(view, request.version, field)) return "more";
  if (!answer || answer.error) {
    showFailure(view, answer?.error || "failed");
    return "over";
  }
  view.failed = false;
  view.tile = unpackTile(view, answer, field, name);
  delete root.dataset.older;
  if (request.rows >= view.value.rows && request.columns >= view.value.columns) view.overview = view.tile;
  view.redraw();
  return !view.heard && nameRequest(makeRequest(view)) === name ? "done" : "more";
}

/**
 * @param {ShownView} view
 * @param {string} why
 */
function showFailure(view, why) {
  const { root, words } = view;
  showState(view, "error", words["error_" + why] || words.error_failed);
  root.dataset.error = why;
  view.tile = view.overview = null;
  view.failed = true;
  view.drawSoon();
}

/**
 * @param {View} view
 * @param {string} state
 * @param {string} text
 */
export function showState({ root, parts }, state, text) {
  root.dataset.state = state;
  parts.message.textContent = text;
}

/**
 * @param {ShownView} view
 * @param {Request} request
 */
async function fetchTile({ server, field }, request) {
  const bands = [];
  for (const part of splitIntoBands(request, field.kind === "four" ? 3 : 1)) {
    const band = await server.tile(part);
    if (!band || band.error) return band;
    bands.push(band);
  }
  return joinBands(bands);
}

/**
 * @param {View} view
 * @param {Answer} answer
 * @param {Field} field
 * @param {string} name
 * @returns {Tile}
 */
function unpackTile({ palette }, answer, field, name) {
  const { height, width } = answer, pixels = decodeCodes(answer.pixels), picture = document.createElement("canvas");
  const { data, gaps } = colourPixels({ ...answer, pixels }, field.kind, palette);
  picture.width = width;
  picture.height = height;
  picture.getContext("2d")?.putImageData(new ImageData(data, width, height), 0, 0);
  return { ...answer, field, name, pixels, picture, gaps, grown: null, values: answer.values ? decodeFloats(answer.values) : null };
}

/**
 * Fetch everything at once, small: the minimap, and what is seen while a new part is on its way.
 * @param {View} view
 */
export async function refreshOverview(view) {
  if (!hasPicture(view) || view.port.fitted) return;
  const { field, value } = view, { rows, columns } = value, step = chooseStep(findFitScale(value, view.port));
  const request = { ...makeRequestHead(view), ...alignPiece({ row: 0, column: 0, rows, columns }, step) };
  const answer = await view.server.tile(request).catch(() => null);
  if (!answer || answer.error || !isUnchanged(view, request.version, field) || view.overview) return;
  view.overview = unpackTile(view, answer, field, "overview");
  view.drawSoon();
}

/**
 * Return a block's own numbers, and the weight that gave it its colour, whatever is pooled on the screen.
 * null where there are none, and while a row may stand for two: they come when the control rests.
 * @param {ShownView} view
 * @param {import("./types.js").Place & { step: number }} block
 */
export async function fetchExact(view, { row, column, step }) {
  if (chooseRowStep(view) > 1) return null;
  const request = { ...makeRequestHead(view), row, column, rows: step, columns: step, height: 1, width: 1 };
  const answer = await view.server.tile(request).catch(() => null);
  if (!answer || answer.error || !answer.values) return null;
  return { numbers: [...decodeFloats(answer.values)], strongest: answer.strongest || null };
}

/**
 * Fetch the measure of each row and each column, unless it is there or on its way.
 * @param {ShownView} view
 */
export async function requestProfile(view) {
  const name = nameRequest(makeRequestHead(view)), { kind } = view.field;
  if (name === view.profileAsked) return;
  view.profileAsked = name;
  const answer = await view.server.profile({ ...makeRequestHead(view), ...ONE_WEIGHT }).catch(() => null);
  if (name !== view.profileAsked || !view.element.isConnected) return;
  if (!answer || answer.error) {
    view.profileAsked = "";
    return;
  }
  view.profile = makeProfile(name, decodeFloats(answer.rows), decodeFloats(answer.columns), kind);
  view.redraw();
}

/**
 * Return the lines, with the height that stands for the whole strip and the mean over the columns.
 * @param {string} name
 * @param {Float32Array} rows
 * @param {Float32Array} columns
 * @param {Field["kind"]} kind
 * @returns {import("./types.js").Profile}
 */
export function makeProfile(name, rows, columns, kind) {
  const finite = [...rows, ...columns].filter(Number.isFinite), all = columns.filter(Number.isFinite);
  const most = kind === "mask" || kind === "four" ? 1 : finite.reduce((high, one) => Math.max(high, one), 0);
  return { name, rows, columns, most: most || 1, mean: all.reduce((sum, one) => sum + one, 0) / (all.length || 1) };
}

/**
 * Return the profile, if it is the one of what is shown.
 * @param {View} view
 */
export function findProfile(view) {
  const { profile } = view;
  return profile && hasPicture(view) && profile.name === nameRequest(makeRequestHead(view)) ? profile : null;
}
