// The buttons of what a model was taught.

import assert from "node:assert/strict";
import test from "node:test";

import { chooseExample } from "../../gblm_viz/ui/components/skill_chips/skill_chips.js";

test("each click asks the next of a button's questions, and the first again after the last", () => {
  const asked = new Map(), capitals = { name: "Capitals", title: "", examples: ["a", "b", "c"] }, words = { name: "Words", title: "", examples: ["d"] };
  assert.deepEqual([1, 2, 3, 4].map(() => chooseExample(asked, capitals)), ["a", "b", "c", "a"]);
  assert.deepEqual([1, 2].map(() => chooseExample(asked, words)), ["d", "d"]);
  assert.equal(chooseExample(asked, capitals), "b");
});
