// What the components' scripts have in common.

import assert from "node:assert/strict";
import test from "node:test";

import { decodeBytes, decodeFloats } from "../../gblm_viz/ui/components/shared/base64.js";
import { makeCsvWriter } from "../../gblm_viz/ui/components/shared/csv.js";
import { append, listenWhile, whenDrawn } from "../../gblm_viz/ui/components/shared/dom.js";
import { fillSentence, wrapPieces } from "../../gblm_viz/ui/components/shared/sentences.js";
import { RULE } from "./rule.mjs";

test("bytes and little-endian floats come out of base64 as they went in", () => {
  assert.deepEqual([...decodeBytes(Buffer.from([0, 1, 254, 255]).toString("base64"))], [0, 1, 254, 255]);
  const numbers = new Float32Array([1.5, -0, NaN, Infinity]);
  assert.deepEqual([...decodeFloats(Buffer.from(numbers.buffer).toString("base64"))], [1.5, -0, NaN, Infinity]);
});

test("a sentence has its numbers put in, and keeps a name that has none", () => {
  assert.equal(fillSentence("row {row}, {row} of {rows}", { row: 0, rows: 7 }), "row 0, 0 of 7");
  assert.equal(fillSentence("{value} {unit}", { value: "$&" }), "$& {unit}");
  assert.equal(fillSentence("{row}"), "{row}");
});

test("lines are as full as the width allows, and a piece that is too wide stands alone", () => {
  const measureWidth = (text) => text.length;
  assert.deepEqual(wrapPieces(["aa ", "bb ", "cccccccc", "d"], 6, measureWidth), ["aa bb ", "cccccccc", "d"]);
  assert.deepEqual(wrapPieces([], 6, measureWidth), [""]);
});

test("a CSV runs no formula, keeps numbers and quotes what would break a line", () => {
  const { disarm, joinRows } = makeCsvWriter(RULE);
  for (const formula of ["=1+1", "+1+1", "-2+3", "@SUM(1)", " =1", "\t5", "＝1"]) assert.equal(disarm(formula), "'" + formula);
  for (const number of ["-0.25", "+3", "1e-7", "-12,345.6", "-25 %", "∞"]) assert.equal(disarm(number), number);
  assert.equal(joinRows([["a,b", 'say "x"', -0.5, null, undefined], ["=1"]]), '"a,b","say ""x""",-0.5,,\n\'=1\n');
});

test("text that is put into a page is never read as HTML", () => {
  const made = {};
  globalThis.document = { createElement: () => made };
  append({ append() {} }, "td", "kind", "<img src=x>");
  assert.deepEqual(made, { className: "kind", textContent: "<img src=x>" });
});

test("a listener of the page goes with its element", () => {
  const heard = new Map(), element = { isConnected: true }, seen = [];
  globalThis.document = {
    addEventListener: (type, listener) => heard.set(type, listener),
    removeEventListener: (type, listener) => { if (heard.get(type) === listener) heard.delete(type); },
  };
  listenWhile(element, "keydown", (event) => seen.push(event));
  heard.get("keydown")("first");
  element.isConnected = false;
  heard.get("keydown")("second");
  assert.deepEqual([seen, heard.size], [["first"], 0]);
});

test("a part that is drawn later is used then, once, and one that is there at once", () => {
  const drawn = {}, used = [];
  let change = () => {}, watching = false;
  globalThis.document = { getElementById: (id) => drawn[id] || null };
  globalThis.MutationObserver = class {
    constructor(told) { change = () => { if (watching) told(); }; }
    observe() { watching = true; }
    disconnect() { watching = false; }
  };
  whenDrawn("tabs", (part) => used.push(part));
  drawn.status = "the status line";
  change();
  assert.deepEqual(used, []);
  drawn.tabs = "the tabs";
  change();
  change();
  assert.deepEqual(used, ["the tabs"]);
  whenDrawn("status", (part) => used.push(part));
  assert.deepEqual(used, ["the tabs", "the status line"]);
  assert.equal(watching, false);
});
