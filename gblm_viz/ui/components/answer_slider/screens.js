// What is shown at a question, a method and a stop of the slider. Draws nothing.

import { fillSentence } from "../shared/sentences.js";

/**
 * @typedef {object} Method
 * @property {string} label
 * @property {string[][]} answers of each question, at each stop
 * @property {number[]} removed
 * @property {number[]} probes right answers
 * @property {[low: number, high: number][]} interval
 * @property {(number | null)[]} perplexity
 * @property {boolean[]} differs
 *
 * @typedef {{ method: string, stop: number }} At
 *
 * @typedef {object} Example
 * @property {Record<string, Method>} methods
 * @property {number[]} sparsities percent
 * @property {number} prunable
 * @property {{ probes: [right: number, total: number], perplexity: number, answers: string[] }} dense
 * @property {number} windows
 * @property {number} length
 * @property {At} at
 *
 * @typedef {object} Live
 * @property {string} key
 * @property {Record<string, string>} methods
 * @property {number[]} sparsities percent
 * @property {At} at
 * @property {number} prunable
 * @property {boolean} current
 * @property {string} took
 *
 * @typedef {object} Answer as in live_answers.py
 * @property {string} dense
 * @property {string} pruned
 * @property {[from: number, to: number] | null} mark
 * @property {boolean | null} right
 * @property {number} removed
 * @property {boolean} whole
 * @property {boolean} [outside] whether the question is outside what the model was taught
 *
 * @typedef {{ prompt: string, method: string, stop: number }} Place
 *
 * @typedef {object} Cost
 * @property {string} big
 * @property {string} tag
 * @property {string} lost
 *
 * @typedef {Cost & { headline: string, asked: string, dense: string, pruned: string, mark: [from: number, to: number] | null,
 *   parting: string }} Screen as in __init__.py
 *
 * @typedef {Record<string, string>} Words
 * @typedef {{ screen: Screen | null, prompts: string[], example: Example | null, live: Live | null, words: Words }} Value
 */

/**
 * Return the example's own answer at a place; null for a question that it does not have.
 * @param {Value} value
 * @param {Place} place
 * @returns {Answer | null}
 */
export function findShipped({ example, prompts }, { prompt, method, stop }) {
  const number = prompts.indexOf(prompt), found = example?.methods[method];
  if (!example || !found || number < 0) return null;
  const dense = example.dense.answers[number], pruned = found.answers[number][stop];
  return { dense, pruned, mark: findMark(dense, pruned), right: dense === pruned, removed: found.removed[stop], whole: true };
}

/**
 * Return what is on the screen once an answer is there.
 * @param {Value} value
 * @param {Place} place
 * @param {Answer} answer
 * @returns {Screen}
 */
export function makeScreen(value, place, answer) {
  const { example, live, words } = value, prunable = (example || live)?.prunable || 1;
  return {
    headline: fillSentence(words.headline, {
      share: formatShare(answer.removed / prunable, 1), removed: formatWhole(answer.removed), prunable: formatWhole(prunable) }),
    asked: place.prompt, dense: answer.dense, pruned: answer.pruned, mark: answer.mark,
    parting: isOpen(answer) ? "" : answer.dense === answer.pruned ? words.same : words.different,
    ...(example ? makeCost(example, place, words) : findCost(value, place)),
  };
}

/**
 * @param {Example} example
 * @param {At} at
 * @param {Words} words
 * @returns {Cost}
 */
function makeCost({ dense, methods, windows, length }, { method, stop }, words) {
  const one = methods[method], [right, total] = dense.probes, [low, high] = one.interval[stop];
  const lost = fillSentence(words.perplexity, {
    before: formatPerplexity(dense.perplexity), after: formatPerplexity(one.perplexity[stop]), windows, length });
  return {
    big: fillSentence(words.right, {
      share_before: formatBrief(right / total), share_after: formatBrief(one.probes[stop] / total), before: right,
      after: one.probes[stop], n: total }),
    tag: fillSentence(words.interval, { low: formatBrief(low), high: formatBrief(high) }),
    lost: one.differs[stop] ? lost : lost + (lost.endsWith("。") ? "" : " ") + words.no_difference };
}

/**
 * Return what an own run's applied copy costs; elsewhere nothing is measured.
 * @param {Value} value
 * @param {At} at
 * @returns {Cost}
 */
function findCost({ screen, live, words }, { method, stop }) {
  if (screen && live?.at.method === method && live.at.stop === stop) return { big: screen.big, tag: screen.tag, lost: screen.lost };
  return { big: "", tag: "", lost: words.not_measured_here };
}

/**
 * Return the code points from the first one that differs to the end of the second answer; null if it is the same.
 * @param {string} before
 * @param {string} after
 * @returns {[from: number, to: number] | null}
 */
export function findMark(before, after) {
  if (before === after) return null;
  const one = [...before], two = [...after];
  let from = 0;
  while (from < two.length && two[from] === one[from]) from++;
  return [from, two.length];
}

/**
 * Return the name of the run that a value is of; answers of another run are dropped.
 * @param {Value} value
 */
export function nameRun({ example, live }) {
  return example ? "example" : "own " + (live?.key || JSON.stringify(live?.at || ""));
}

/**
 * Return the question that another run begins with: the one asked before, where that run answers at once.
 * @param {{ own: string, place: Place }} before
 * @param {Value} value
 */
export function choosePromptOf({ own, place: { prompt } }, { example, live, prompts }) {
  if (prompt && live?.key && (prompts.includes(prompt) || prompt === own)) return prompt;
  return example ? prompts[0] : "";
}

/** @param {Place} place */
export function nameStop({ prompt, method, stop }) {
  return JSON.stringify([prompt, method, stop]);
}

/**
 * Return whether the pruned answer, which is not there to its end, may still become the dense one.
 * @param {Answer} answer
 */
function isOpen({ whole, mark, dense, pruned }) {
  return !whole && mark === null && dense !== pruned;
}

/**
 * @typedef {{ good: boolean, known: boolean } | null} Verdict good: right, or where the right answer is not known, the
 *   same as the dense model's; null where nobody has been yet
 */

/**
 * @param {Answer | undefined} answer
 * @returns {Verdict}
 */
export function judge(answer) {
  if (!answer || (answer.right === null && isOpen(answer))) return null;
  return answer.right === null ? { good: answer.dense === answer.pruned, known: false } : { good: answer.right, known: true };
}

/**
 * Say what the stops that were tried show: until where the answer is good, and from where it is not; only "at" a stop where one below it was
 * not tried, or one above it is good again.
 * @param {Verdict[]} verdicts
 * @param {number[]} sparsities
 * @param {Words} words
 */
export function describeStops(verdicts, sparsities, words) {
  const bad = verdicts.findIndex((one) => one && !one.good), before = verdicts.slice(0, bad < 0 ? verdicts.length : bad);
  const good = before.findLastIndex((one) => one?.good), known = verdicts.some((one) => one?.known), parts = [];
  const all = before.slice(0, good + 1).every(Boolean), ever = !verdicts.slice(bad).some((one) => one?.good);
  if (good >= 0) parts.push(fillSentence(words[(known ? "right_" : "same_") + (all ? "until" : "at")], { share: sparsities[good] }));
  if (bad >= 0) parts.push(fillSentence(words[(known ? "wrong_" : "other_") + (ever ? "from" : "at")], { share: sparsities[bad] }));
  return parts.join(words.join);
}

/**
 * @param {number} share
 * @param {number} [digits]
 */
export function formatShare(share, digits = 0) {
  return (100 * share).toFixed(digits).replace(/\.0$/, "") + " %";
}

/**
 * Return a share for a headline: whole percents, below 10 % with one digit.
 * @param {number} share
 */
export function formatBrief(share) {
  return share > 0 && share < .1 ? (100 * share).toFixed(1) + " %" : formatShare(share);
}

/** @param {number} number */
function formatWhole(number) {
  return number.toLocaleString("en-US");
}

/** @param {number | null} value */
export function formatPerplexity(value) {
  const digits = value !== null && value < 10 ? 2 : 1; // 1.8 → 2.0 would not show that 9 % were added
  return value === null ? "∞" : value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
