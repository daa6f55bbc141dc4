// What the strip says and shows of one token's two losses, in nats.

import { fillSentence } from "../shared/sentences.js";

/**
 * @typedef {object} Side one model's prediction of a token
 * @property {number} loss
 * @property {number} rank
 * @property {string} best
 * @property {number} best_probability
 *
 * @typedef {{ text: string, difference: number, dense: Side | null, pruned: Side | null }} Token
 * @typedef {Record<string, string>} Words
 */

/** Differences in nats, and below each of them the thickness of the line in pixels. */
const LINES = [[0.1, 0], [0.5, 1], [1.5, 2], [Infinity, 4]];
export const SIDES = /** @type {const} */ (["dense", "pruned"]);

/** @param {number} number */
export function formatLoss(number) {
  return number.toFixed(2);
}

/** @param {number} share */
export function formatPercent(share) {
  return (share >= 0.9995 ? "> 99.9" : share < 0.001 ? "< 0.1" : (100 * share).toFixed(1)) + " %";
}

/**
 * Return a token's text with its blanks made visible.
 * @param {string} text
 */
export function markBlanks(text) {
  return text === "" ? "…" : text.replace(/\n/g, "⏎").replace(/^ | $/g, "␣");
}

/**
 * Return by how much the second model predicts the token worse or better, as a sentence.
 * @param {Token} token
 * @param {Words} words
 */
export function describeDifference(token, words) {
  if (!token.dense) return words.first;
  const size = formatLoss(Math.abs(token.difference));
  if (Number(size) === 0) return words.same;
  return fillSentence(words[token.difference > 0 ? "worse" : "better"], { size });
}

/**
 * Return how a token is drawn: the colour's part in percent (0 = none), the line's thickness in pixels (0 = none).
 * @param {number} difference
 * @param {number} full the difference with the full colour
 */
export function chooseLook(difference, full) {
  const size = Math.abs(difference), depth = Math.min(1, size / full);
  const line = /** @type {number[]} */ (LINES.find(([most]) => size < most) ?? LINES[LINES.length - 1])[1];
  return { worse: difference >= 0, line, percent: depth < 0.01 ? 0 : Number((8 + 52 * depth).toFixed(0)) };
}

/**
 * Return every token with both models' numbers, as the rows of a CSV; the first names the columns.
 * @param {Token[]} tokens
 * @param {Words} words
 */
export function makeRows(tokens, words) {
  const heads = [words.loss, words.probability, words.rank, words.best, words.best_probability];
  /** @param {Side | null} found */
  const listNumbers = (found) => (
    found ? [found.loss, Math.exp(-found.loss), found.rank, found.best, found.best_probability] : heads.map(() => ""));
  const titles = SIDES.flatMap((side) => heads.map((head) => `${words[side]}: ${head}`));
  return [[words.number, words.token, words.difference, ...titles], ...tokens.map((token, place) => [
    place + 1, token.text, token.dense ? token.difference : "", ...SIDES.flatMap((side) => listNumbers(token[side]))])];
}
