// Colours of codes and categories. The named ones are those of figures/colours.py.

/**
 * @typedef {import("./types.js").Colour} Colour
 * @typedef {import("./types.js").Kind} Kind
 */

/** Marks of kept and removed, and of the four categories: kept by both, removed by both, only A, only B. */
export const MASK_MARKS = ["·", "×"];
export const FOUR_MARKS = ["·", "×", "A", "B"];
/** @type {Colour} */
export const GAP = [229, 231, 235];

/**
 * @param {string} colour #rrggbb
 * @returns {Colour}
 */
export function parseColour(colour) {
  return /** @type {Colour} */ ([1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)));
}

/**
 * Return 256 colours; number 0 is never drawn: code 0 is a gap.
 * @param {string[]} stops
 * @returns {Colour[]}
 */
export function makeRamp(stops) {
  const colours = stops.map(parseColour), table = [];
  for (let code = 0; code < 256; code++) {
    const place = Math.max(0, code - 1) / 254 * (colours.length - 1);
    const low = Math.min(Math.floor(place), colours.length - 2), share = place - low;
    table.push(/** @type {Colour} */ (colours[low].map((value, at) => Math.round(value + share * (colours[low + 1][at] - value)))));
  }
  return table;
}

/** @param {import("../shared/gradio.js").Colours} colours */
export function makePalette(colours) {
  const kept = parseColour(colours.kept), removed = parseColour(colours.removed), density = makeRamp(colours.ramps.density);
  /** @type {Record<Exclude<Kind, "four">, Colour[]>} */
  const ramps = { sequential: makeRamp(colours.ramps.sequential), diverging: makeRamp(colours.ramps.diverging), mask: density };
  return {
    kept, removed, ramps,
    selected: colours.pick,
    four: [colours.bothKept, colours.bothRemoved, colours.kept, colours.removed].map(parseColour),
    single: density.map((_colour, code) => (code > 127 ? removed : kept)), // a mask's weights, one by one
  };
}

/** @typedef {ReturnType<typeof makePalette>} Palette */

/**
 * Return the colour of each code.
 * @param {Palette} palette
 * @param {Exclude<Kind, "four">} kind
 * @param {number} step
 */
export function chooseColours(palette, kind, step) {
  return kind === "mask" && step === 1 ? palette.single : palette.ramps[kind];
}

/**
 * Return the mixture of the four categories' colours by their shares.
 * @param {Palette} palette
 * @param {number[]} shares of categories 1, 2 and 3
 * @returns {Colour}
 */
export function mixColours({ four }, shares) {
  const all = [Math.max(0, 1 - shares[0] - shares[1] - shares[2]), ...shares];
  return /** @type {Colour} */ ([0, 1, 2].map(
    (at) => Math.round(all.reduce((sum, share, which) => sum + share * four[which][at], 0))));
}

/** @param {Colour} colour */
export function isDark(colour) {
  return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] < 140;
}

/** @param {Colour} colour */
export function formatColour(colour) {
  return "rgb(" + colour.join(",") + ")";
}
