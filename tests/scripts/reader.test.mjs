// What those hear and press who do not see the page.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { chooseNews } from "../../gblm_viz/ui/components/announcer.js";
import { start as sampleList } from "../../gblm_viz/ui/components/sample_list/sample_list.js";
import { findTab } from "../../gblm_viz/ui/components/tab_keys.js";
import { begin, openPage } from "./page.mjs";

beforeEach(openPage);

test("a sentence is told once, however often its element is drawn again", () => {
  const said = new Map();
  assert.deepEqual(chooseNews(said, [["status", "Ready"], ["votes", ""]]), ["Ready"]);
  assert.deepEqual(chooseNews(said, [["status", "Ready"], ["votes", ""]]), []);
  assert.deepEqual(chooseNews(said, [["status", "Collecting: 25 %"], ["votes", "1 vote"]]), ["Collecting: 25 %", "1 vote"]);
});

test("what was emptied in between is told again", () => {
  const said = new Map();
  chooseNews(said, [["parting", "They differ."]]);
  chooseNews(said, [["parting", ""]]);
  assert.deepEqual(chooseNews(said, [["parting", "They differ."]]), ["They differ."]);
});

test("arrows lead around the tabs, Home and End to the first and the last", () => {
  assert.deepEqual(["ArrowRight", "ArrowLeft", "Home", "End"].map((key) => findTab(key, 0, 8)), [1, 7, 0, 7]);
  assert.equal(findTab("ArrowRight", 7, 8), 0);
  for (const key of ["ArrowDown", "a", "toString"]) assert.equal(findTab(key, 0, 8), null);
});

test("one Tab leads past the boxes of all samples, and the arrow keys lead from one to the next", () => {
  const { element, set } = begin(sampleList, "div.sample-list\n  table\n    thead\n      tr\n    tbody\n  p.sample-more");
  const rows = [0, 1, 2].map((index) => ({ index, tokens: 8, text: "word", state: "used" }));
  const value = { rows, words: { number: "#", tokens: "tokens", begins: "begins", becomes: "use", use: "use {index}", used: "used" }, more: "" };
  set(value);
  const boxes = () => element.querySelectorAll("input"), stops = () => boxes().map((one) => one.tabIndex);
  assert.deepEqual(stops(), [0, -1, -1]);
  boxes()[0].focus();
  const press = (key) => document.activeElement.send("keydown", { key });
  press("ArrowDown");
  assert.deepEqual([stops(), document.activeElement === boxes()[1]], [[-1, 0, -1], true]);
  press("End");
  assert.equal(press("ArrowDown").defaultPrevented, undefined, "below the last one the page may scroll");
  set({ ...value });
  assert.deepEqual([stops(), document.activeElement === boxes()[2]], [[-1, -1, 0], true], "drawn anew, the same box has the focus");
  press("Home");
  assert.deepEqual([stops(), press("a").defaultPrevented], [[0, -1, -1], undefined]);
});
