// Draws the canvas: the tile, and on it everything that marks a place.

import { chooseStep } from "./ladder.js";
import { drawCells } from "./cells.js";
import { drawCrosshair, drawHeads, drawPin, drawPointer } from "./marks.js";
import { drawMinimap } from "./minimap.js";
import { drawProfiles } from "./strips.js";
import { hasPicture, makeRequest, nameRequest } from "./requests.js";

/**
 * @typedef {import("./types.js").View} View
 * @typedef {import("./types.js").Tile} Tile
 */

/** @param {View} view */
function readTheme({ root }) {
  const style = getComputedStyle(root);
  /**
   * @param {string} name
   * @param {string} other
   */
  const readVariable = (name, other) => style.getPropertyValue(name).trim() || other;
  return { stage: readVariable("--background-fill-secondary", "#f4f4f5"), text: readVariable("--body-text-color", "#1f2937") };
}

/**
 * Return the pattern of places without a value.
 * @param {CanvasRenderingContext2D} brush
 */
function makeHatching(brush) {
  const cell = document.createElement("canvas"), paint = /** @type {CanvasRenderingContext2D} */ (cell.getContext("2d"));
  cell.width = cell.height = 6;
  paint.fillStyle = "#e5e7eb";
  paint.fillRect(0, 0, 6, 6);
  paint.strokeStyle = "#6b7280";
  paint.lineWidth = 1.6;
  for (const shift of [-6, 0, 6]) {
    paint.beginPath();
    paint.moveTo(shift - 1, 7);
    paint.lineTo(shift + 7, -1);
    paint.stroke();
  }
  return /** @type {CanvasPattern} */ (brush.createPattern(cell, "repeat"));
}

/** @param {View} view */
export function draw(view) {
  const { brush, port, tile, overview } = view, { left, top, scale, width, height } = port;
  if (!width) return;
  view.theme ??= readTheme(view);
  brush.fillStyle = view.theme.stage;
  brush.fillRect(0, 0, width, height);
  if (!hasPicture(view) || !tile) return;
  view.hatching ??= makeHatching(brush);
  brush.save();
  brush.beginPath();
  brush.rect(left, top, Math.round(view.value.columns * scale), Math.round(view.value.rows * scale));
  brush.clip();
  brush.fillStyle = view.hatching;
  brush.fillRect(0, 0, width, height);
  if (overview && overview !== tile && tile.name !== nameRequest(makeRequest(view))) drawBitmap(view, overview, false);
  drawBitmap(view, tile, tile.step === chooseStep(scale));
  brush.restore();
  drawCells(view);
  drawHeads(view);
  drawProfiles(view);
  drawCrosshair(view);
  drawPin(view);
  drawPointer(view);
  drawMinimap(view);
}

/**
 * @param {View} view
 * @param {Tile} bitmap
 * @param {boolean} settled whether it is meant for this scale
 */
function drawBitmap({ brush, port }, bitmap, settled) {
  const { left, top, scale } = port, cell = bitmap.step * scale;
  // cells of a broken number of pixels: enlarge by a whole number, then let the edges blend, so all look equally wide
  const broken = settled && cell < 4 && Math.abs(cell - Math.round(cell)) > 1e-6;
  if (broken) bitmap.grown ??= enlargePicture(bitmap, Math.ceil(cell));
  brush.imageSmoothingEnabled = broken;
  const source = broken && bitmap.grown ? bitmap.grown : bitmap.picture;
  brush.drawImage(source, left + bitmap.column * scale, top + bitmap.row * scale, bitmap.width * cell, bitmap.height * cell);
}

/**
 * @param {Tile} bitmap
 * @param {number} times
 */
function enlargePicture({ picture, width, height }, times) {
  const grown = document.createElement("canvas");
  grown.width = width * times;
  grown.height = height * times;
  const paint = /** @type {CanvasRenderingContext2D} */ (grown.getContext("2d"));
  paint.imageSmoothingEnabled = false;
  paint.drawImage(picture, 0, 0, grown.width, grown.height);
  return grown;
}
