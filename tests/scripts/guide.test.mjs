// The guide's panel: what it decides without a page.

import assert from "node:assert/strict";
import test from "node:test";

import { chooseScroll, makeRules } from "../../gblm_viz/ui/components/guide_panel/stage.js";
import { fillAfter, formatGuess, isMet, isReached, judge, makeFields, makeProgress, placeInQuery, readAddress, readProgress, scoreWay, tellVerdict } from "../../gblm_viz/ui/components/guide_panel/steps.js";
import { mergeQuery } from "../../gblm_viz/ui/components/place.js";

const COUNT = { kind: "number", low: 0, high: 1240, step: 10, unit: "count", near: 60 };
const SHARE = { kind: "number", low: 0, high: 100, step: 1, unit: "%", near: 3 };
const CHOICE = { kind: "choice", low: 0, high: 0, step: 1, unit: "", near: 0 };
const WAYS = [{ name: "five", title: "Five", about: "", steps: ["a", "b"] }];
const WORDS = {
  your_guess: "You: {guess}", your_choice: "You: {choice}", found: "Run: {found}", right: "Right.", wrong: "No: {choice}", exact: "Exact.",
  near: "Close: {difference}", off_by: "Off: {difference}", no_number: "None.", points: "{value} points" };

test("a guess is exact, near or off, by the number as it is told", () => {
  assert.deepEqual([328, 330, 388, 389].map((given) => judge(COUNT, given, { found: 328 })), ["exact", "near", "near", "off"]);
  assert.deepEqual([83, 85, 90].map((given) => judge(SHARE, given, { found: 83.04 })), ["exact", "near", "off"]);
  assert.equal(judge(SHARE, 5, {}), "none");
});

test("a choice is right or wrong, or not counted where the run gives no answer", () => {
  assert.deepEqual(["a", "b"].map((given) => judge(CHOICE, given, { right: "b" })), ["wrong", "right"]);
  assert.equal(judge(CHOICE, "a", {}), "none");
});

test("what is said afterwards names no number that the run does not give", () => {
  const answer = { guess: 490, verdict: "none" }, texts = { after: "You said {guess}; it is {found}." };
  assert.equal(fillAfter({ guess: COUNT, settled: { found: 328 }, texts }, answer, "en"), "You said 490; it is 328.");
  for (const settled of [{}, null]) assert.equal(fillAfter({ guess: COUNT, settled, texts }, answer, "en"), "");
  assert.equal(fillAfter({ guess: CHOICE, settled: {}, texts: { after: "It is: {choice}." } }, { guess: "a" }, "en"), "");
  assert.equal(fillAfter({ guess: CHOICE, settled: {}, texts: { after: "So it is." } }, { guess: "a" }, "en"), "So it is.");
});

test("numbers have their unit", () => {
  assert.deepEqual([formatGuess(COUNT, 1240, "en"), formatGuess(SHARE, 82.94, "en")], ["1,240", "82.9 %"]);
});

test("what is said of a guess waits for the number", () => {
  const value = { guess: COUNT, settled: null, texts: {} }, answer = { guess: 620, verdict: "" };
  assert.deepEqual(tellVerdict(value, answer, WORDS, "en"), ["You: 620"]);
  value.settled = { found: 328 };
  answer.verdict = judge(COUNT, 620, value.settled);
  assert.deepEqual(tellVerdict(value, answer, WORDS, "en"), ["You: 620", "Run: 328", "Off: 292"]);
  const share = { guess: SHARE, settled: { found: 83.04 }, texts: {} };
  assert.deepEqual(tellVerdict(share, { guess: 70, verdict: "off" }, WORDS, "en"), ["You: 70 %", "Run: 83 %", "Off: 13 points"], "a difference of shares is told in points");
  value.settled = {};
  answer.verdict = "none";
  assert.deepEqual(tellVerdict(value, answer, WORDS, "en"), ["You: 620", "None."]);
  const choice = { guess: CHOICE, settled: { right: "b" }, texts: { choice_a: "A", choice_b: "B" } };
  assert.deepEqual(tellVerdict(choice, { guess: "a", verdict: "wrong" }, WORDS, "en"), ["You: A", "No: B"]);
  assert.equal(makeFields(choice, "a", "en").choice, "B");
});

test("a condition is met by the server's word or by what was seen, a guess by being given", () => {
  const one = { kind: "click", target: "#x", least: null, most: null, page: true, met: false };
  assert.deepEqual([isMet(one, 1, [], undefined), isMet(one, 1, [1], undefined), isMet({ ...one, met: true }, 1, [], undefined)], [false, true, true]);
  assert.deepEqual([isMet({ ...one, kind: "guess" }, 0, [0], undefined), isMet({ ...one, kind: "choice" }, 0, [], { guess: "a", verdict: "" })], [false, true]);
  assert.deepEqual([isReached({ ...one, least: 60 }, 60), isReached({ ...one, least: 60 }, 55), isReached({ ...one, least: 0 }, NaN)], [true, false, false]);
});

test("the score counts what was settled, and names what to look at again", () => {
  const answers = { "five.1": { guess: "a", verdict: "right" }, "five.2": { guess: 3, verdict: "off" }, "own.1": { guess: "a", verdict: "wrong" } };
  assert.deepEqual(scoreWay("five", 3, { ...answers, "five.3": { guess: 3, verdict: "none" } }), { right: 1, asked: 2, again: [2] });
});

test("an address names a way and a step of it, at most the end", () => {
  assert.deepEqual(readAddress("?guide=five&step=2", WAYS), { way: "five", number: 2 });
  assert.deepEqual(["99", "-4", "x", "1.5"].map((step) => readAddress("?guide=five&step=" + step, WAYS)?.number), [3, 1, 1, 1]);
  assert.equal(readAddress("?guide=constructor", WAYS), null);
  assert.equal(placeInQuery("tab=prune&guide=own&step=4", { way: "five", number: 2 }), "tab=prune&guide=five&step=2");
  assert.equal(placeInQuery("tab=prune&guide=own&step=4", null), "tab=prune");
  assert.equal(mergeQuery("method=gblm", "guide=five&step=2&other=1", "prune"), "method=gblm&tab=prune&guide=five&step=2");
});

test("progress that is not ours begins anew", () => {
  for (const text of [null, "", "{", "7", '{"way": 3}', '{"way": "five", "number": "1", "answers": {}, "met": {}}']) assert.deepEqual(readProgress(text), makeProgress());
  assert.equal(readProgress(JSON.stringify({ ...makeProgress(), way: "five" })).way, "five");
});

test("what is covered is named in its place, and its text cannot end the rule", () => {
  const rules = makeRules("#a", "#b, #c", 'a "quoted" } text');
  assert.ok(rules.includes("#b *, #c * { visibility: hidden") && rules.includes('content: "a \\"quoted\\" } text"'));
  assert.equal(makeRules("", "", "x"), "");
});

test("the page is scrolled only as far as what is framed needs", () => {
  assert.equal(chooseScroll(100, 300, 560), 0);
  assert.equal(chooseScroll(400, 700, 560), 148);
  assert.equal(chooseScroll(300, 1200, 560), 292);
  assert.equal(chooseScroll(-50, 100, 560), -58);
});
