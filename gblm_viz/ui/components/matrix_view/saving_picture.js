// The view as a picture to be saved: title, matrix with its strips, legend, and what made it.

import { download } from "../shared/download.js";
import { wrapPieces } from "../shared/sentences.js";
import { nameFile } from "./saving_numbers.js";
import { draw } from "./painting.js";

/** @typedef {import("./types.js").ShownView} ShownView */
/** @typedef {CanvasRenderingContext2D} Paint */

const PAGE_WIDTH = 640, MARGIN = 12, LEADING = 4; // pixels of the page

/** @param {ShownView} view */
export function savePicture(view) {
  draw(view);
  const { parts, canvas, port, value, field, root, theme, letters } = view, { ratio } = port;
  const margin = MARGIN * ratio, line = (letters.small + LEADING) * ratio, page = document.createElement("canvas");
  const paint = /** @type {Paint} */ (page.getContext("2d")), color = theme ? theme.text : "";
  page.width = Math.max(port.width + parts.rows.width, PAGE_WIDTH * ratio) + 2 * margin;
  const room = page.width - 2 * margin;
  paint.font = makeFont(400, letters.small * ratio);
  const below = wrapRemarks(view, (text) => paint.measureText(text).width, room);
  page.height = 3 * margin + 2 * line + parts.columns.height + port.height + line + below.length * line;
  paint.fillStyle = getComputedStyle(root).getPropertyValue("--body-background-fill").trim() || "#ffffff";
  paint.fillRect(0, 0, page.width, page.height);
  paint.textBaseline = "top";
  paint.fillStyle = color;
  paint.font = makeFont(600, letters.small * ratio);
  paint.fillText(value.title, margin, margin, room);
  paint.font = makeFont(400, letters.small * ratio);
  paint.fillText(field.label, margin, margin + line, room);
  const top = margin + 2 * line, middle = top + parts.columns.height, bottom = middle + port.height + margin;
  paint.drawImage(parts.columns, margin, top);
  paint.drawImage(canvas, margin, middle);
  paint.drawImage(parts.rows, margin + port.width, middle);
  drawLegend(view, paint, margin, bottom, color);
  below.forEach((text, at) => paint.fillText(text, margin, bottom + (at + 1) * line));
  page.toBlob((blob) => { if (blob) download(blob, nameFile(view, "png")); });
}

/**
 * @param {number} weight
 * @param {number} size
 */
function makeFont(weight, size) {
  return weight + " " + size + "px sans-serif";
}

/**
 * Return the lines below the picture: the pinned weight, and what made it.
 * @param {ShownView} view
 * @param {(text: string) => number} measureWidth
 * @param {number} room
 */
function wrapRemarks({ pinText, value }, measureWidth, room) {
  const texts = [...new Set([pinText, value.note])].filter(Boolean);
  return texts.flatMap((text) => wrapPieces(splitWords(text, room, measureWidth), room, measureWidth));
}

/**
 * Return the pieces between which a text may be broken: at its spaces, or anywhere where a word alone is too long.
 * @param {string} text
 * @param {number} most
 * @param {(text: string) => number} measureWidth
 */
export function splitWords(text, most, measureWidth) {
  return text.split(/(?<= )/).flatMap((word) => (measureWidth(word) > most ? [...word] : [word]));
}

/**
 * Draw the legend's entries in one line, from its elements on the page.
 * @param {ShownView} view
 * @param {Paint} paint
 * @param {number} x
 * @param {number} y
 * @param {string} color
 */
function drawLegend({ parts, port }, paint, x, y, color) {
  const { ratio } = port;
  for (const entry of parts.legend.children) {
    for (const piece of entry.childNodes) {
      if (piece instanceof HTMLCanvasElement) {
        paint.drawImage(piece, x, y, 130 * ratio, 11 * ratio);
        x += 134 * ratio;
      } else if (piece instanceof HTMLSpanElement) {
        paint.fillStyle = piece.style.background || "#9ca3af";
        paint.fillRect(x, y, 13 * ratio, 13 * ratio);
        x += 18 * ratio;
      } else {
        const text = piece.textContent || "";
        paint.fillStyle = color;
        paint.fillText(text, x, y);
        x += paint.measureText(text).width + 4 * ratio;
      }
    }
    x += 12 * ratio;
  }
  paint.fillStyle = color;
}
