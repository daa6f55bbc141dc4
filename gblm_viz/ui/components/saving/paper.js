// A canvas as large as a picture of the page, and below it what made the picture.

import { wrapPieces } from "../shared/sentences.js";
import { readOrigin } from "./numbers.js";

const RATIO = 2, LEADING = 4, MARGIN = 8; // pixels of the canvas in one of the page; pixels of the page

/**
 * Return the pieces between which a line may be broken: Japanese anywhere, words at their spaces.
 * @param {string} text
 */
export function splitAtBreaks(text) {
  return text.match(/[\x21-\u2fff]+ ?|\s|./gsu) || [];
}

/**
 * @param {HTMLElement} target the picture
 * @param {import("../shared/gradio.js").Letters} letters
 * @param {HTMLElement} [origin] where it stands on the page, if `target` is a copy
 * @returns {{ canvas: HTMLCanvasElement, paint: CanvasRenderingContext2D }}
 */
export function makeCanvas(target, letters, origin = target) {
  const canvas = document.createElement("canvas"), paint = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const box = target.getBoundingClientRect(), style = getComputedStyle(document.body), line = letters.fine + LEADING;
  const font = letters.fine + "px " + style.fontFamily;
  paint.font = font;
  const told = wrapPieces(splitAtBreaks(readOrigin(origin)), box.width - 2 * MARGIN, (text) => paint.measureText(text).width);
  canvas.width = Math.ceil(box.width * RATIO);
  canvas.height = Math.ceil((box.height + line * (told.length + 1)) * RATIO);
  paint.scale(RATIO, RATIO);
  paint.fillStyle = style.backgroundColor;
  paint.fillRect(0, 0, canvas.width, canvas.height);
  paint.font = font;
  paint.fillStyle = style.color;
  told.forEach((text, at) => paint.fillText(text, MARGIN, box.height + line * (at + 1)));
  return { canvas, paint };
}
