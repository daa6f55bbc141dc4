// A picture made of the page's own elements as a canvas: boxes, lines below words, and words as they stand on the page.

import { makeCanvas } from "./paper.js";

/** @typedef {CanvasRenderingContext2D} Paint */

/**
 * @param {HTMLElement} picture
 * @param {import("../shared/gradio.js").Letters} letters
 * @param {HTMLElement} origin where it stands on the page: `picture` may be a copy
 */
export function drawBoxes(picture, letters, origin) {
  const frame = picture.getBoundingClientRect(), { canvas, paint } = makeCanvas(picture, letters, origin);
  paint.textBaseline = "middle";
  for (const part of picture.querySelectorAll("*")) {
    const box = part.getBoundingClientRect(), style = getComputedStyle(part);
    if (part.closest(".save-bar") || !box.width) continue;
    paint.fillStyle = chooseFill(paint, style, box.left - frame.left, box.width);
    drawBackground(paint, part, style, frame);
    if (style.fontSize !== "0px") drawWords(paint, part, style, frame);
  }
  return canvas;
}

/**
 * Return what fills a box: its colour, or its gradient from left to right.
 * @param {Paint} paint
 * @param {CSSStyleDeclaration} style
 * @param {number} left
 * @param {number} width
 */
function chooseFill(paint, style, left, width) {
  const stops = readStops(style.backgroundImage);
  if (!stops.length) return style.backgroundColor;
  const gradient = paint.createLinearGradient(left, 0, left + width, 0);
  stops.forEach((stop, at) => gradient.addColorStop(at / Math.max(1, stops.length - 1), stop));
  return gradient;
}

/**
 * Return the colours of a computed CSS gradient.
 * @param {string} image
 * @returns {string[]}
 */
export function readStops(image) {
  return image.match(/rgba?\([^)]*\)/g) || [];
}

/**
 * Fill the boxes of an element, words that go on in the next line have one in each, and draw the lines below them.
 * @param {Paint} paint
 * @param {Element} part
 * @param {CSSStyleDeclaration} style
 * @param {DOMRect} frame
 */
function drawBackground(paint, part, style, frame) {
  const line = parseFloat(style.borderTopWidth) ? 0 : parseFloat(style.borderBottomWidth);
  paint.strokeStyle = style.borderBottomColor;
  paint.lineWidth = line;
  paint.setLineDash(style.borderBottomStyle === "dotted" ? [line, line] : []);
  for (const box of part.getClientRects()) {
    const left = box.left - frame.left, top = box.top - frame.top;
    paint.fillRect(left, top, box.width, box.height - line);
    if (!line) continue;
    paint.beginPath();
    paint.moveTo(left, top + box.height - line / 2);
    paint.lineTo(left + box.width, top + box.height - line / 2);
    paint.stroke();
  }
}

/**
 * @param {Paint} paint
 * @param {Element} part
 * @param {CSSStyleDeclaration} style
 * @param {DOMRect} frame
 */
function drawWords(paint, part, style, frame) {
  const box = part.getBoundingClientRect();
  paint.save();
  if (style.overflow !== "visible" && style.display !== "inline") {
    paint.beginPath();
    paint.rect(box.left - frame.left, box.top - frame.top, box.width, box.height);
    paint.clip();
  }
  paint.fillStyle = style.color;
  paint.font = style.fontWeight + " " + style.fontSize + " " + style.fontFamily;
  for (const words of part.childNodes) {
    if (!(words instanceof Text)) continue;
    for (const one of findLines(words)) paint.fillText(one.text, one.left - frame.left, one.middle - frame.top);
  }
  paint.restore();
}

/**
 * Return a text as the page breaks it into lines, each with its place.
 * @param {Text} words
 */
function findLines(words) {
  /** @type {{ text: string, left: number, middle: number }[]} */
  const found = [];
  const range = document.createRange();
  let at = 0;
  for (const letter of words.data) {
    range.setStart(words, at);
    range.setEnd(words, at += letter.length);
    const box = range.getBoundingClientRect(), middle = box.top + box.height / 2, last = found[found.length - 1];
    if (!box.width) continue; // a line's end, a blank that is not shown
    if (last && Math.abs(last.middle - middle) < 3) last.text += letter;
    else found.push({ text: letter, left: box.left, middle });
  }
  return found;
}
