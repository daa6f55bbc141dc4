// The finished example's slider: what it says at each stop, and what is heard of a click.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { start } from "../../gblm_viz/ui/components/answer_slider/answer_slider.js";
import { describeStops, findMark, findShipped, formatPerplexity, formatShare, judge, makeScreen } from "../../gblm_viz/ui/components/answer_slider/screens.js";
import { begin, openPage } from "./page.mjs";

beforeEach(openPage);

const WORDS = {
  headline: "{share} removed: {removed} of {prunable}", right: "{share_before} → {share_after} ({before} → {after} of {n})",
  interval: "{low} to {high}", perplexity: "{before} → {after}, {windows} of {length}", no_difference: "(no difference)",
  same: "same", different: "different", right_until: "right until {share} %", right_at: "right at {share} %", wrong_at: "wrong at {share} %", same_at: "as dense at {share} %", other_at: "differs at {share} %", same_until: "as dense until {share} %", other_from: "differs from {share} %",
  not_measured_here: "nobody knows", live_gone: "gone", live_failed: "failed", outside: "not taught", own_question: "yours", ask: "Ask", wrong_from: "wrong from {share} %", join: ", ",
  elsewhere: "at {method} {share}, page of {applied_method} {applied}", apply: "Apply", apply_took: "Apply ({time})", apply_all: "Make it {method}, {share} %", prompts: "Questions", methods: "Method", sparsity: "Removed", dense: "Dense", pruned: "Pruned" };
const method = (label, answers) => ({
  label, answers, removed: [0, 500, 1234], probes: [10, 6, 0], interval: [[0.9, 1], [0.3, 0.8], [0, 0.1]],
  perplexity: [1.84, 20, null], differs: [false, true, true] });
const EXAMPLE = {
  methods: { wanda: method("Wanda", [["ab", "ab", "ax"], ["c", "c", "c"]]), gblm: method("GBLM", [["ab", "aé😀", "z"], ["c", "d", "c"]]) },
  sparsities: [0, 50, 90], prunable: 2000, dense: { probes: [10, 10], perplexity: 1.84, answers: ["ab", "c"] }, windows: 3,
  length: 26, at: { method: "gblm", stop: 1 } };
const PROMPTS = ["first?", "second?"];
const VALUE = { screen: null, prompts: PROMPTS, example: EXAMPLE, live: null, words: WORDS };
const LIVE = { key: "k", current: true, took: "", methods: { wanda: "Wanda", gblm: "GBLM" }, sparsities: [0, 50, 90], at: { method: "gblm", stop: 1 }, prunable: 2000 };
const TEMPLATE = `div.answer-slider
  p.headline
  div.answer-prompts
  form.answer-own
    input[type=text]
    button
  div.answer-controls
    div.answer-methods
    label.answer-sparsity
      span.answer-removed
      input[type=range]
      output
    button.answer-apply
  div.answer-tried
    div.answer-strip
    span.answer-told
  div.answer-panes
    div.answer-dense
      div.pane-title
      div.chat
    div.answer-pruned
      div.pane-title
      div.chat
  p.cost
    span.big
    span.tag
    span.answer-lost`;
const texts = (element, selector) => element.querySelectorAll(selector).map((one) => one.textContent);

test("a stop says what is removed, what each model answers, and what it costs", () => {
  const at = (prompt, name, stop) => {
    const place = { prompt, method: name, stop };
    return makeScreen(VALUE, place, findShipped(VALUE, place));
  };
  assert.deepEqual(at("first?", "gblm", 1), {
    headline: "25 % removed: 500 of 2,000", asked: "first?", dense: "ab", pruned: "aé😀", mark: [1, 3], parting: "different",
    big: "100 % → 60 % (10 → 6 of 10)", tag: "30 % to 80 %", lost: "1.84 → 20.0, 3 of 26" });
  const { lost, parting, mark, headline } = at("second?", "wanda", 0);
  assert.deepEqual([lost, parting, mark, headline], ["1.84 → 1.84, 3 of 26 (no difference)", "same", null, "0 % removed: 0 of 2,000"]);
  assert.match(at("first?", "gblm", 2).lost, /∞/);
  assert.equal(findShipped(VALUE, { prompt: "my own?", method: "gblm", stop: 1 }), null);
});

test("the mark begins at the first code point that differs, and an answer that is only shorter has none to show", () => {
  assert.deepEqual([findMark("abc", "abd"), findMark("😀a", "😀b"), findMark("ab", "a")], [[2, 3], [1, 2], [1, 1]]);
  assert.equal(findMark("ab", "ab"), null);
});

test("numbers are written as in the page's other sentences", () => {
  assert.deepEqual([formatShare(0.595, 1), formatShare(0.5, 1), formatShare(0.688)], ["59.5 %", "50 %", "69 %"]);
  assert.deepEqual([formatPerplexity(1234.56), formatPerplexity(null)], ["1,234.6", "∞"]);
});

test("only stops that were tried are judged, and the sentence says until where it was right", () => {
  const right = { good: true, known: true }, wrong = { good: false, known: true }, other = { good: false, known: false };
  const say = (...verdicts) => describeStops(verdicts, [0, 50, 90], WORDS);
  assert.equal(say(right, null, wrong), "right until 0 %, wrong from 90 %");
  assert.equal(say(right, wrong, right), "right until 0 %, wrong at 50 %", "not from there on");
  assert.equal(say(wrong, null, null), "wrong from 0 %");
  assert.equal(say(null, right, null), "right at 50 %", "nobody has tried 0 %");
  assert.equal(say({ good: true, known: false }, other, null), "as dense until 0 %, differs from 50 %");
  const of = (more) => judge({ dense: "ab", pruned: "a", right: null, mark: null, whole: true, ...more });
  assert.deepEqual([judge(undefined), of({}), of({ right: true }), of({ pruned: "ab" })], [null, other, right, { good: true, known: false }]);
  assert.deepEqual([of({ whole: false }), of({ whole: false, mark: [0, 1] })], [null, other]); // it may still become the same
});

test("the slider, the methods and the questions change the answers without the server", () => {
  const { element, sent, set } = begin(start, TEMPLATE);
  set(VALUE);
  assert.deepEqual(texts(element, ".said"), ["ab", "aé😀"]);
  assert.deepEqual(texts(element, "mark"), ["é😀"]);
  const slider = element.querySelector("input[type=range]");
  assert.deepEqual([slider.max, slider.value, slider.getAttribute("aria-valuetext")], ["2", "1", "50 %"]);
  slider.value = "2";
  slider.send("input");
  assert.deepEqual([texts(element, ".said")[1], texts(element, "output")[0]], ["z", "90 %"]);
  assert.deepEqual(texts(element, "i"), ["", "×", "×"]);
  const [wanda] = element.querySelectorAll(".answer-methods button");
  wanda.focus();
  wanda.click();
  const pressed = element.querySelector(".answer-methods button").getAttribute("aria-pressed");
  assert.equal(document.activeElement, element.querySelector(".answer-methods button"));
  assert.deepEqual([texts(element, ".said")[1], pressed, texts(element, "i")], ["ax", "true", ["", "", "×"]]);
  element.querySelectorAll(".answer-prompts button")[1].click();
  assert.deepEqual([texts(element, ".asked"), texts(element, ".said")], [["second?", "second?"], ["c", "c"]]);
  assert.deepEqual(texts(element, ".answer-told"), ["right at 90 %"]);
  set({ ...VALUE }); // drawn anew, as after a change elsewhere: what was chosen stays
  assert.equal(slider.value, "2");
  assert.deepEqual(sent, []);
});

test("an own run shows its screen, and a click on a question asks it", () => {
  const { element, sent, set } = begin(start, TEMPLATE);
  const screen = { headline: "h", asked: "", dense: "click", pruned: "above", mark: null, parting: "", big: "", tag: "", lost: "not measured" };
  set({ screen, prompts: PROMPTS, example: null, live: null, words: WORDS });
  assert.deepEqual([texts(element, ".empty"), texts(element, ".said")], [["click", "above"], []]);
  element.querySelector(".answer-prompts button").click();
  assert.deepEqual(sent, [["select", { prompt: "first?" }]]);
  set({ screen: { ...screen, asked: "first?", dense: "ab", pruned: "ax", mark: [1, 2] }, prompts: PROMPTS, example: null, live: null, words: WORDS });
  assert.deepEqual([texts(element, ".said"), texts(element, "mark")], [["ab", "ax"], ["x"]]);
  assert.equal(element.querySelector(".example-prompt").getAttribute("aria-pressed"), "false");
});

test("a question of one's own is asked live, one request at a time, and the newest place wins", async () => {
  const asked = [], live_answer = (wanted) => new Promise((done) => { asked.push({ wanted, done }); });
  const { element, set } = begin(start, TEMPLATE, { server: { live_answer } });
  const answer = { dense: "one", pruned: "two", mark: [0, 3], right: null, removed: 1000, whole: true };
  const moment = () => new Promise((done) => { setTimeout(done, 5); });
  set({ ...VALUE, live: LIVE });
  assert.equal(asked.length, 0);
  element.querySelector("input[type=text]").value = " mine? ";
  element.querySelector("form").send("submit");
  assert.deepEqual(asked[0].wanted, { key: "k", prompt: "mine?", method: "gblm", percent: 50, whole: false });
  const slider = element.querySelector("input[type=range]");
  for (const stop of ["0", "2"]) {
    slider.value = stop;
    slider.send("input");
  }
  assert.equal(asked.length, 1);
  asked[0].done({ ...answer, whole: false }); // not wanted any more: only where the slider rests the whole one is asked for
  await moment();
  assert.deepEqual(asked.map(({ wanted }) => wanted.percent), [50, 90]);
  asked[1].done({ ...answer, pruned: "one", mark: null });
  await moment();
  assert.deepEqual([texts(element, ".said"), texts(element, ".headline")], [["one", "one"], ["50 % removed: 1,000 of 2,000"]]);
  assert.deepEqual([texts(element, "i"), texts(element, ".answer-prompts button")], [["", "≠", "="], [...PROMPTS, "mine?"]]);
  slider.value = "1";
  slider.send("input"); // known by now, but for its end
  assert.deepEqual([asked.length, asked[2].wanted.percent, asked[2].wanted.whole], [3, 50, true]);
  assert.deepEqual(texts(element, ".said"), ["one", "two"]);
  asked[2].done({ ...answer, pruned: "two and more", outside: true });
  await moment();
  assert.deepEqual([texts(element, ".said"), asked.length], [["one", "two and more"], 3]);
  assert.deepEqual(texts(element, ".answer-told"), ["differs at 50 % · not taught"]);
});

test("an own run's slider asks live, its costs stand at its own stop only, and what the server lost is said", async () => {
  const sent = [], live = (wanted) => { sent.push(wanted.percent); return Promise.resolve(wanted.percent === 0 ? { error: "gone" } : { dense: "a", pruned: "a", mark: null, right: true, removed: 2, whole: true }); };
  const { element, set } = begin(start, TEMPLATE, { server: { live_answer: live } });
  const screen = { headline: "h", asked: "", dense: "click", pruned: "click", mark: null, parting: "", big: "69%", tag: "", lost: "own" };
  const moment = () => new Promise((done) => { setTimeout(done, 5); });
  set({ screen, prompts: PROMPTS, example: null, live: LIVE, words: WORDS });
  assert.deepEqual([texts(element, ".empty"), texts(element, ".headline"), sent], [["click", "click"], ["h"], []]);
  element.querySelector(".answer-prompts button").click();
  await moment();
  assert.deepEqual([texts(element, ".said"), texts(element, ".big"), texts(element, ".answer-lost")], [["a", "a"], ["69%"], ["own"]]);
  const slider = element.querySelector("input[type=range]");
  slider.value = "2";
  slider.send("input");
  await moment();
  assert.deepEqual([texts(element, ".big"), texts(element, ".answer-lost"), texts(element, "i")], [[""], ["nobody knows"], ["", "✓", "✓"]]);
  slider.value = "0";
  slider.send("input");
  await moment();
  assert.deepEqual([texts(element, ".empty"), sent], [["gone", "gone"], [50, 90, 0]]);
});

test("an own run's slider asks the first question by itself, a new run is asked again, and Reset puts all back", async () => {
  const asked = [], live_answer = (wanted) => new Promise((done) => { asked.push({ wanted, done }); });
  const { element, set } = begin(start, TEMPLATE, { server: { live_answer }, config: { resets: ".reset" } });
  const moment = () => new Promise((done) => { setTimeout(done, 5); });
  const own = { screen: { headline: "h", asked: "", dense: "click", pruned: "click", mark: null, parting: "", big: "", tag: "", lost: "" }, prompts: PROMPTS, example: null, live: LIVE, words: WORDS };
  set(own);
  const slider = element.querySelector("input[type=range]");
  slider.value = "2";
  slider.send("input");
  assert.deepEqual(asked.map(({ wanted }) => [wanted.prompt, wanted.percent]), [["first?", 90]]);
  set({ ...own, live: { ...LIVE, key: "other" } }); // applied again while the answer is on its way
  element.querySelectorAll(".answer-prompts button")[1].click();
  assert.equal(asked.length, 1);
  asked[0].done({ dense: "a", pruned: "b", mark: [0, 1], right: null, removed: 1, whole: true });
  await moment();
  assert.equal(asked.length, 2);
  assert.deepEqual([asked[1].wanted.key, asked[1].wanted.prompt], ["other", "second?"]);
  set(VALUE);
  slider.value = "0";
  slider.send("input");
  element.querySelectorAll(".answer-methods button")[0].click();
  const reset = document.createElement("button");
  reset.className = "reset";
  document.body.append(reset);
  reset.click();
  assert.deepEqual([slider.value, element.querySelectorAll(".answer-methods button")[1].getAttribute("aria-pressed")], ["1", "true"]);
});

test("what the slider stands at can be applied where it is not applied already, and its question stays", async () => {
  const asked = [], live_answer = (wanted) => new Promise((done) => { asked.push({ wanted, done }); });
  const { element, sent, set } = begin(start, TEMPLATE, { server: { live_answer } });
  const apply = element.querySelector(".answer-apply"), slider = element.querySelector("input[type=range]");
  set(VALUE); // no model is loaded yet
  assert.deepEqual([apply.disabled, apply.textContent], [true, "Apply"]);
  set({ ...VALUE, live: LIVE });
  assert.equal(apply.disabled, true);
  element.querySelectorAll(".answer-prompts button")[1].click();
  slider.value = "2";
  slider.send("input");
  assert.deepEqual([apply.disabled, apply.title], [false, "Make it GBLM, 90 %"]);
  apply.click();
  assert.deepEqual(sent, [["apply", { place: ["gblm", 90] }]]);
  const screen = { headline: "h", asked: "", dense: "click", pruned: "click", mark: null, parting: "", big: "", tag: "", lost: "" };
  set({ screen, prompts: PROMPTS, example: null, live: { ...LIVE, key: "mine", at: { method: "gblm", stop: 2 } }, words: WORDS });
  assert.deepEqual([apply.disabled, slider.value, asked.map(({ wanted }) => [wanted.key, wanted.prompt, wanted.percent])], [true, "2", [["mine", "second?", 90]]]);
  set({ screen, prompts: PROMPTS, example: null, live: { ...LIVE, key: "mine", at: { method: "gblm", stop: 2 }, current: false }, words: WORDS });
  assert.equal(apply.disabled, false, "another text was collected on since");
});

test("where answers come only once a choice is applied, the slider changes nothing but what would be applied", () => {
  const { element, sent, set } = begin(start, TEMPLATE);
  const screen = { headline: "h", asked: "first?", dense: "ab", pruned: "ax", mark: null, parting: "", big: "", tag: "", lost: "own" };
  const value = { screen, prompts: PROMPTS, example: null, live: { ...LIVE, key: "", took: "12 s" }, words: WORDS };
  set(value);
  const slider = element.querySelector("input[type=range]"), apply = element.querySelector(".answer-apply");
  slider.value = "2";
  slider.send("input");
  assert.deepEqual([texts(element, ".said"), texts(element, ".headline"), apply.textContent], [["ab", "ax"], ["h"], "Apply (12 s)"]);
  const late = () => element.querySelector(".answer-slider").classList.contains("late");
  assert.equal(late(), true, "the answers are the applied copy's");
  apply.click();
  element.querySelector("input[type=text]").value = "mine?";
  element.querySelector("form").send("submit");
  assert.deepEqual(sent, [["apply", { place: ["gblm", 90] }], ["select", { prompt: "mine?" }]]);
  assert.deepEqual([slider.value, late()], ["1", false], "it goes back to the copy that is asked");
  set({ ...value, live: { ...value.live, at: { method: "gblm", stop: 0 } } });
  assert.equal(slider.value, "0", "another run stands where it was applied");
});

test("the page is told where the slider stands elsewhere than what is applied, by the one that leads it alone", () => {
  for (const leads of [true, false]) {
    const { element, set } = begin(start, TEMPLATE, { config: { resets: "", leads } }), told = [];
    document.addEventListener("slider-elsewhere", ({ detail }) => told.push(detail.told));
    set({ ...VALUE, live: LIVE });
    const slider = element.querySelector("input[type=range]");
    for (const stop of ["2", "1"]) {
      slider.value = stop;
      slider.send("input");
    }
    assert.deepEqual(told, leads ? ["", "at GBLM 90, page of GBLM 50", ""] : []);
  }
});
