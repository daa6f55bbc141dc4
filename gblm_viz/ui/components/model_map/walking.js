// Where an arrow key leads on the map.

/**
 * @typedef {{ block: number, column: number }} Place a cell's block, and the place of its role among the roles
 */

/** @type {Readonly<Record<string, readonly [down: number, along: number]>>} */
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** @param {string} key */
export function isArrow(key) {
  return Object.hasOwn(ARROWS, key);
}

/**
 * Return the nearest of the places in the arrow's direction, in the same row or column; undefined if there is none.
 * @template {Place} Kind
 * @param {Kind[]} places
 * @param {Place} here
 * @param {string} key
 * @returns {Kind | undefined}
 */
export function findNextPlace(places, here, key) {
  const [down, along] = ARROWS[key];
  const ahead = places.filter((one) => (down
    ? one.column === here.column && (one.block - here.block) * down > 0
    : one.block === here.block && (one.column - here.column) * along > 0));
  /** @param {Place} one */
  const measureDistance = (one) => Math.abs(one.block - here.block) + Math.abs(one.column - here.column);
  return ahead.sort((one, other) => measureDistance(one) - measureDistance(other))[0];
}
