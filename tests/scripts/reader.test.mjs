// What those hear and press who do not see the page.

import assert from "node:assert/strict";
import test from "node:test";

import { chooseNews } from "../../gblm_viz/ui/components/announcer.js";
import { findTab } from "../../gblm_viz/ui/components/tab_keys.js";

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
