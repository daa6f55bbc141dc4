// The scales that a matrix is drawn at: a pixel stands for step × step weights, or a weight for whole pixels.
// The server knows the same steps (figures/tiles.py).

/** @typedef {import("./types.js").Shape} Shape */

const LARGEST_CELL = 80; // pixels of the page

export const STEPS = [1, 2, 3];
for (let power = 4; power < 1 << 20; power *= 2) STEPS.push(power, power * 5 / 4, power * 3 / 2, power * 7 / 4);

/** Device pixels per weight, ascending. */
export const SCALES = [...STEPS.slice(1).map((step) => 1 / step).reverse(), ...STEPS];

/**
 * Return the side of the square of weights that a pixel stands for.
 * @param {number} scale
 */
export function chooseStep(scale) {
  return scale >= 1 ? 1 : STEPS.find((step) => step * scale > 1 - 1e-9) ?? STEPS[STEPS.length - 1];
}

/**
 * Return the scale at which all of the matrix is in sight, of the ladder where that costs little room: its pixels are crisp.
 * @param {Shape} shape
 * @param {{ width: number, height: number }} room
 */
export function findFitScale(shape, room) {
  const exact = Math.min(room.width / shape.columns, room.height / shape.rows);
  const below = SCALES.filter((one) => one <= exact * (1 + 1e-9)).pop() || exact;
  return below >= exact * 0.88 ? below : exact;
}

/**
 * @param {Shape} shape
 * @param {{ width: number, height: number, ratio: number }} room
 */
export function findLargestScale(shape, room) {
  const cell = SCALES.filter((one) => one <= LARGEST_CELL * room.ratio).pop() ?? 1;
  return Math.max(findFitScale(shape, room), cell);
}

/**
 * Return the nearest scale that the matrix may have: the one that fits, or one of the ladder that is larger.
 * @param {number} wanted
 * @param {Shape} shape
 * @param {{ width: number, height: number, ratio: number }} room
 */
export function snapScale(wanted, shape, room) {
  const least = findFitScale(shape, room), most = findLargestScale(shape, room);
  const open = [least, ...SCALES.filter((one) => one > least * 1.02 && one <= most)];
  /** @param {number} one */
  const measureDistance = (one) => Math.abs(Math.log(one / wanted));
  return open.reduce((best, one) => (measureDistance(one) < measureDistance(best) ? one : best));
}
