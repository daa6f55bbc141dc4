// The small buttons of what can be asked: what a subject opens, and what is sent.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { start } from "../../gblm_viz/ui/components/question_chips/question_chips.js";
import { begin, openPage } from "./page.mjs";

beforeEach(openPage);

const TEMPLATE = `div.question-chips
  div.chip-subjects
  div.chip-questions
    p
    div`;
const VALUE = { label: "It knows", subjects: [
  { name: "Sums", line: "Up to twenty.", questions: ["1 + 1", "2 + 2"] }, { name: "Colours", line: "Of things.", questions: ["snow?"] }] };
const words = (element, selector) => element.querySelectorAll(selector).map((one) => one.textContent);

test("a subject opens its line and its questions, and closes them again", () => {
  const { element } = begin(start, TEMPLATE, { value: VALUE });
  const [sums, colours] = element.querySelectorAll(".chip-subjects button");
  const opened = element.querySelector(".chip-questions");
  assert.deepEqual(words(element, ".chip-subjects button"), ["Sums", "Colours"]);
  assert.equal(opened.hidden, true);
  sums.click();
  assert.equal(opened.hidden, false);
  assert.deepEqual([words(opened, "p"), words(opened, "button")], [["Up to twenty."], ["1 + 1", "2 + 2"]]);
  colours.click();
  assert.deepEqual([words(opened, "p"), words(opened, "button")], [["Of things."], ["snow?"]]);
  assert.deepEqual([sums, colours].map((one) => one.getAttribute("aria-expanded")), ["false", "true"]);
  colours.click();
  assert.equal(opened.hidden, true);
  assert.equal(colours.getAttribute("aria-expanded"), "false");
});

test("a question is sent as it stands", () => {
  const { element, sent } = begin(start, TEMPLATE, { value: VALUE });
  element.querySelector(".chip-subjects button").click();
  element.querySelectorAll(".chip-questions button")[1].click();
  assert.deepEqual(sent, [["select", { question: "2 + 2" }]]);
});

test("a model that says nothing of what it knows shows nothing", () => {
  const { element } = begin(start, TEMPLATE, { value: { label: "", subjects: [] } });
  assert.equal(element.querySelector(".question-chips").hidden, true);
});
