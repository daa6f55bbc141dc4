// Answers as values: what a growing one is made of, and where a key leads inside one.

/**
 * @typedef {object} Growing an answer that is still being written
 * @property {string} asked
 * @property {string} growing
 * @property {[from: number, to: number] | null} mark code points of the token where the answers part
 *
 * @typedef {object} Whole
 * @property {string} asked
 * @property {string[]} tokens
 * @property {number | null} parting
 * @property {number[] | null} same whether the other answer has each token too
 */

/**
 * @param {Growing | Whole} bubble
 * @returns {bubble is Growing}
 */
export function isGrowing(bubble) {
  return "growing" in bubble;
}

/**
 * Return a growing answer's text before, in and after its mark. The server counts code points, so they are counted here.
 * @param {Growing} bubble
 */
export function splitAtMark(bubble) {
  const text = [...bubble.growing], [from, to] = bubble.mark || [text.length, text.length];
  return [text.slice(0, from), text.slice(from, to), text.slice(to)].map((part) => part.join(""));
}

/**
 * Return the token that a key leads to from token `at` of `count`, perhaps outside; undefined if the key leads nowhere.
 * @param {string} key
 * @param {number} at
 * @param {number} count
 * @returns {number | undefined}
 */
export function findNextToken(key, at, count) {
  return new Map([["ArrowRight", at + 1], ["ArrowLeft", at - 1], ["Home", 0], ["End", count - 1]]).get(key);
}
