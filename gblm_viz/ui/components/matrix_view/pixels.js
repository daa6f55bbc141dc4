// A tile's codes: put together from bands, turned into colours, and read as numbers.

import { decodeBytes } from "../shared/base64.js";
import { GAP, chooseColours, mixColours } from "./colours.js";

/**
 * @typedef {import("./types.js").Answer} Answer
 * @typedef {import("./types.js").Field} Field
 * @typedef {import("./types.js").Piece} Piece
 * @typedef {import("./types.js").Tile} Tile
 * @typedef {import("./colours.js").Palette} Palette
 */

const MOST_BYTES = 180000; // of one answer's codes: a quarter of a megabyte as base64

/**
 * Return the codes, as bytes.
 * @param {string | Uint8Array} pixels
 */
export function decodeCodes(pixels) {
  return typeof pixels === "string" ? decodeBytes(pixels) : pixels;
}

/**
 * Part a large request into bands of rows, none larger than the server should send at once.
 * @template {Piece} Kind
 * @param {Kind} request
 * @param {number} planes
 * @returns {Kind[]}
 */
export function splitIntoBands(request, planes) {
  const most = Math.max(1, Math.floor(MOST_BYTES / (planes * request.width))), step = request.rows / request.height;
  if (request.height <= most) return [request];
  const bands = [];
  for (let first = 0; first < request.height; first += most) {
    const height = Math.min(most, request.height - first);
    bands.push({ ...request, row: request.row + first * step, rows: height * step, height });
  }
  return bands;
}

/**
 * Return the answers to splitIntoBands as one answer.
 * @param {Answer[]} bands
 * @returns {Answer}
 */
export function joinBands(bands) {
  const [first] = bands, { planes, width } = first;
  if (bands.length === 1) return first;
  const all = bands.map((band) => decodeCodes(band.pixels)), height = bands.reduce((sum, band) => sum + band.height, 0);
  const pixels = new Uint8Array(planes * height * width);
  for (let plane = 0, at = 0; plane < planes; plane++) {
    bands.forEach((band, which) => {
      const size = band.height * band.width;
      pixels.set(all[which].subarray(plane * size, (plane + 1) * size), at);
      at += size;
    });
  }
  return { ...first, height, pixels };
}

/** @param {number} code */
export function decodeShare(code) {
  return (code - 1) / 254;
}

/**
 * Return the tile's colours as red, green, blue and opacity of each pixel, and whether it has gaps. A gap is left
 * transparent: the hatching below shows through.
 * @param {{ pixels: Uint8Array, planes: number, step: number, height: number, width: number }} tile
 * @param {Field["kind"]} kind
 * @param {Palette} palette
 */
export function colourPixels({ pixels, planes, step, height, width }, kind, palette) {
  const size = height * width, data = new Uint8ClampedArray(4 * size);
  let gaps = false;
  if (planes === 3 || kind === "four") {
    for (let at = 0; at < size; at++) {
      const shares = [0, 1, 2].map((plane) => decodeShare(pixels[plane * size + at]));
      data.set([...mixColours(palette, shares), 255], 4 * at);
    }
    return { data, gaps };
  }
  // one write a pixel instead of four: a full view has some two million
  const colours = new Uint32Array(chooseColours(palette, kind, step).map(
    ([red, green, blue]) => (255 << 24 | blue << 16 | green << 8 | red) >>> 0));
  const cells = new Uint32Array(data.buffer);
  for (let at = 0; at < size; at++) {
    if (pixels[at]) cells[at] = colours[pixels[at]];
    else gaps = true;
  }
  return { data, gaps };
}

/**
 * Return the colour of one pixel of a tile.
 * @param {Pick<Tile, "pixels" | "planes" | "step" | "height" | "width" | "field">} tile
 * @param {number} at
 * @param {Palette} palette
 */
export function findColour(tile, at, palette) {
  const size = tile.height * tile.width, { kind } = tile.field;
  if (kind === "four") return mixColours(palette, [0, 1, 2].map((plane) => decodeShare(tile.pixels[plane * size + at])));
  return tile.pixels[at] ? chooseColours(palette, kind, tile.step)[tile.pixels[at]] : GAP;
}

/**
 * Return the numbers of a block as a tile shows them: one, or for kind four the shares of categories 1, 2 and 3.
 * Exact where the server sent values or nothing is pooled. null if the tile does not show this block.
 * @param {Pick<Tile, "pixels" | "values" | "planes" | "row" | "column" | "step" | "height" | "width" | "field">} tile
 * @param {import("./types.js").Place & { step: number }} block
 */
export function readNumbers(tile, block) {
  if (tile.step !== block.step) return null;
  const row = (block.row - tile.row) / tile.step, column = (block.column - tile.column) / tile.step;
  if (row < 0 || column < 0 || row >= tile.height || column >= tile.width) return null;
  const at = row * tile.width + column, size = tile.height * tile.width, planes = [...Array(tile.planes).keys()];
  const { values, pixels, field } = tile;
  if (values) return { numbers: planes.map((plane) => values[plane * size + at]), exact: true };
  if (field.kind === "four") return { numbers: planes.map((plane) => decodeShare(pixels[plane * size + at])), exact: block.step === 1 };
  if (!pixels[at]) return { numbers: [NaN], exact: true };
  return { numbers: [decodeNumber(pixels[at], field)], exact: field.kind === "mask" && block.step === 1 };
}

/**
 * @param {number} code
 * @param {Field} field
 */
export function decodeNumber(code, { lo, hi, scale }) {
  return scale === "log" ? lo * (hi / lo) ** decodeShare(code) : lo + (hi - lo) * decodeShare(code);
}
