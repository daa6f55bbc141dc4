// The projector's view: what its keys mean, and where they lead.

import assert from "node:assert/strict";
import test from "node:test";

import { chooseTop, readField, readStep, writeField } from "../../gblm_viz/ui/components/projector.js";

const HEIGHT = 700;
const plain = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };

test("arrows and a clicker's keys lead on and back, and no key that is held with another", () => {
  const steps = ["ArrowRight", "PageDown", "ArrowLeft", "PageUp", "ArrowDown", "a"].map((key) => readStep({ ...plain, key }));
  assert.deepEqual(steps, [1, 1, -1, -1, 0, 0]);
  assert.equal(readStep({ ...plain, key: "ArrowRight", altKey: true }), 0);
  assert.equal(readStep({ ...plain, key: "toString" }), 0);
});

test("what the screen cuts comes to the top", () => {
  const things = [{ top: 0, bottom: 500 }, { top: 520, bottom: 900 }, { top: 920, bottom: 1000 }];
  assert.equal(chooseTop(things, 0, HEIGHT, 1), 520);
  assert.equal(chooseTop(things, 520, HEIGHT, 1), null, "all is seen");
});

test("a thing higher than the screen is shown screen by screen", () => {
  const things = [{ top: 100, bottom: 2000 }];
  assert.equal(chooseTop(things, 0, HEIGHT, 1), 100);
  assert.equal(chooseTop(things, 100, HEIGHT, 1), 800);
  assert.equal(chooseTop(things, 1500, HEIGHT, 1), null);
  assert.equal(chooseTop(things, 1500, HEIGHT, -1), 800);
});

test("one press never passes over anything", () => {
  assert.equal(chooseTop([{ top: 0, bottom: 100 }, { top: 5000, bottom: 5100 }], 0, HEIGHT, 1), HEIGHT);
});

test("back goes up by at most a screen, to the top of something", () => {
  const things = [{ top: 0, bottom: 100 }, { top: 300, bottom: 500 }, { top: 520, bottom: 900 }, { top: 920, bottom: 1500 }];
  assert.equal(chooseTop(things, 920, HEIGHT, -1), 300);
  assert.equal(chooseTop(things, 300, HEIGHT, -1), 0);
  assert.equal(chooseTop(things, 0, HEIGHT, -1), null);
});

test("the address tells of it", () => {
  assert.equal(writeField("?tab=prune", true), "tab=prune&projector=1");
  assert.equal(writeField("?tab=prune&projector=1", false), "tab=prune");
  assert.ok(readField("?projector=1"));
  assert.ok(!readField("?projector=0"));
});
