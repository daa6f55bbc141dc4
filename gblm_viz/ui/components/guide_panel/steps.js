// What is known of a way without the page: how guesses are judged, what is done, how many were right.

import { fillSentence } from "../shared/sentences.js";

/**
 * @typedef {{ kind: "number" | "choice", low: number | null, high: number | null, step: number, unit: string, near: number }} Guess
 * @typedef {{ right?: string, found?: number }} Settled the answer; without either the run gives none
 * @typedef {{ kind: string, target: string, least: number | null, most: number | null, page: boolean, met: boolean }} Condition
 * @typedef {{ id: string, value: unknown, label: string }} Shown a control and the value it gets
 * @typedef {{ tab: string, panel: string, view: string, show: Shown[], highlight: string }} Place
 * @typedef {{ title: string, heads: string[], rows: string[][], note: string }} Table
 * @typedef {Record<string, string>} Words
 *
 * @typedef {object} Value
 * @property {string} step such as five.2; "" before any
 * @property {number} turn
 * @property {boolean} guessed whether it was made after the guess
 * @property {boolean} ready whether the step is set up
 * @property {string} lacks why it cannot be done here
 * @property {Words} texts
 * @property {Guess | null} guess
 * @property {Settled | null} settled
 * @property {Condition[]} done
 * @property {Place} place
 * @property {string} cover
 * @property {boolean} moved
 * @property {Table | null} table
 *
 * @typedef {"exact" | "near" | "off" | "right" | "wrong" | "none"} Verdict
 * @typedef {{ guess: string | number, verdict: Verdict | "" }} Answer
 * @typedef {{ way: string, number: number, answers: Record<string, Answer>, met: Record<string, number[]> }} Progress
 * @typedef {{ name: string, title: string, about: string, steps: string[] }} Way
 */

export const LETTERS = ["a", "b", "c"];

/** @returns {Progress} */
export function makeProgress() {
  return { way: "", number: 1, answers: {}, met: {} };
}

/**
 * Return the progress that was kept as text, or a fresh one if it is not ours.
 * @param {string | null} text
 * @returns {Progress}
 */
export function readProgress(text) {
  try {
    const found = JSON.parse(text || "null");
    const fits = found && typeof found.way === "string" && Number.isInteger(found.number) && found.answers && found.met;
    return fits ? found : makeProgress();
  } catch {
    return makeProgress();
  }
}

/**
 * Return how good a guess was.
 * @param {Guess} guess
 * @param {string | number} given
 * @param {Settled} settled
 * @returns {Verdict}
 */
export function judge(guess, given, settled) {
  if (guess.kind === "choice") return settled.right ? (settled.right === given ? "right" : "wrong") : "none";
  if (settled.found === undefined) return "none";
  const apart = Math.abs(roundFor(guess, Number(given)) - roundFor(guess, settled.found));
  return apart === 0 ? "exact" : Math.abs(Number(given) - settled.found) <= guess.near ? "near" : "off";
}

/**
 * Return a number as it is told: a count is whole, a percentage has one decimal.
 * @param {Guess} guess
 * @param {number} value
 */
function roundFor({ unit }, value) {
  return unit === "%" ? Math.round(10 * value) / 10 : Math.round(value);
}

/**
 * @param {Guess} guess
 * @param {number} value
 * @param {string} language
 */
export function formatGuess(guess, value, language) {
  const rounded = roundFor(guess, value);
  return guess.unit === "%" ? rounded + " %" : rounded.toLocaleString(language);
}

/**
 * Return what the texts are filled with by the page: guess, found, difference, choice.
 * @param {Value} value
 * @param {string | number} given
 * @param {string} language
 * @returns {Record<string, string>}
 */
export function makeFields({ guess, settled, texts }, given, language) {
  if (!guess) return {};
  if (guess.kind === "choice") return { guess: texts["choice_" + given] || "", choice: texts["choice_" + (settled?.right || "")] || "" };
  const found = settled?.found;
  if (found === undefined) return { guess: formatGuess(guess, Number(given), language) };
  const apart = Math.abs(roundFor(guess, Number(given)) - roundFor(guess, found));
  return { guess: formatGuess(guess, Number(given), language), found: formatGuess(guess, found, language), difference: formatGuess(guess, apart, language), apart: String(roundFor(guess, apart)) };
}

/**
 * Return what a step says once it is done; "" where that tells of the guess and this run has no number for it, which is said then.
 * @param {Value} value
 * @param {Answer | null | undefined} answer
 * @param {string} language
 */
export function fillAfter(value, answer, language) {
  const { settled, texts: { after } } = value, known = settled?.found !== undefined || settled?.right !== undefined;
  if (!known && /\{(found|difference|apart|choice)\}/.test(after)) return "";
  return fillSentence(after, makeFields(value, answer ? answer.guess : "", language));
}

/**
 * Return the sentences about a guess: what was guessed, and, once it is settled, how far off it was.
 * @param {Value} value
 * @param {Answer} answer
 * @param {Words} words
 * @param {string} language
 */
export function tellVerdict(value, answer, words, language) {
  const { guess, settled } = value;
  if (!guess) return [];
  const fields = makeFields(value, answer.guess, language), choice = guess.kind === "choice";
  const told = [choice ? fillSentence(words.your_choice, { choice: fields.guess }) : fillSentence(words.your_guess, fields)];
  if (!settled || !answer.verdict) return told;
  if (answer.verdict === "none") return [...told, words.no_number];
  if (!choice) told.push(fillSentence(words.found, fields));
  const apart = { ...fields, difference: guess.unit === "%" ? fillSentence(words.points, { value: fields.apart }) : fields.difference };
  return [...told, fillSentence(words[answer.verdict === "off" ? "off_by" : answer.verdict], apart)];
}

/**
 * Return whether a condition is met: by the server's word, or by what the script has seen.
 * @param {Condition} condition
 * @param {number} at its place in the step
 * @param {number[]} met what was seen before
 * @param {Answer | undefined} answer
 */
export function isMet(condition, at, met, answer) {
  if (condition.kind === "guess" || condition.kind === "choice") return answer !== undefined;
  return condition.met || met.includes(at);
}

/**
 * Return whether a slider's value meets a condition. percent: as its output says, for a slider of stops; else its own value.
 * @param {Condition} condition
 * @param {number} value
 */
export function isReached({ least, most }, value) {
  return (least === null || value >= least) && (most === null || value <= most);
}

/**
 * Return how many guesses of a way were right or close, how many were settled, and the steps to look at again.
 * @param {string} way
 * @param {number} steps
 * @param {Record<string, Answer>} answers
 */
export function scoreWay(way, steps, answers) {
  const again = [];
  let right = 0, asked = 0;
  for (let number = 1; number <= steps; number++) {
    const verdict = answers[way + "." + number]?.verdict;
    if (!verdict || verdict === "none") continue;
    asked += 1;
    if (verdict === "wrong" || verdict === "off") again.push(number);
    else right += 1;
  }
  return { right, asked, again };
}

/**
 * Return the way and the step that an address names, if there are such; the step after the last one is the score.
 * @param {string} query
 * @param {Way[]} ways
 * @returns {{ way: string, number: number } | null}
 */
export function readAddress(query, ways) {
  const fields = new URLSearchParams(query), way = ways.find(({ name }) => name === fields.get("guide"));
  if (!way) return null;
  const number = Number(fields.get("step") || "1");
  return { way: way.name, number: Number.isInteger(number) ? Math.max(1, Math.min(way.steps.length + 1, number)) : 1 };
}

/**
 * Return a query with the guide's place in it, or without any.
 * @param {string} query
 * @param {{ way: string, number: number } | null} at
 */
export function placeInQuery(query, at) {
  const fields = new URLSearchParams(query);
  fields.delete("guide");
  fields.delete("step");
  if (at) {
    fields.set("guide", at.way);
    fields.set("step", String(at.number));
  }
  return fields.toString();
}
