// The matrix view: scales, geometry, colours, words and requests, without a page.

import assert from "node:assert/strict";
import test from "node:test";

import { parsePlace } from "../../gblm_viz/ui/components/matrix_view/beside.js";
import { findBlock } from "../../gblm_viz/ui/components/matrix_view/block.js";
import { chooseColours, isDark, makePalette, mixColours, parseColour } from "../../gblm_viz/ui/components/matrix_view/colours.js";
import { clampIndex } from "../../gblm_viz/ui/components/matrix_view/keys.js";
import { SCALES, STEPS, chooseStep, findFitScale, findLargestScale, snapScale } from "../../gblm_viz/ui/components/matrix_view/ladder.js";
import { describeStep } from "../../gblm_viz/ui/components/matrix_view/legend.js";
import { placeMinimap } from "../../gblm_viz/ui/components/matrix_view/minimap.js";
import { formatCount, formatExactly, formatNumber, formatPercent, formatSpan } from "../../gblm_viz/ui/components/matrix_view/numbers.js";
import { chooseField } from "../../gblm_viz/ui/components/matrix_view/outside.js";
import { choosePinNumber } from "../../gblm_viz/ui/components/matrix_view/pin.js";
import { colourPixels, decodeNumber, joinBands, readNumbers, splitIntoBands } from "../../gblm_viz/ui/components/matrix_view/pixels.js";
import { computeZoom } from "../../gblm_viz/ui/components/matrix_view/pointer.js";
import { alignPiece, clampPort, computeSize, findVisible, makePort, revealWeight, zoomPort } from "../../gblm_viz/ui/components/matrix_view/port.js";
import { makeProfile, requestTiles } from "../../gblm_viz/ui/components/matrix_view/requests.js";
import { describeBlock, describeCell, describeValue, findShownColumn, findStoredColumn } from "../../gblm_viz/ui/components/matrix_view/wording.js";
import { composeRemark, makeTable, nameFile } from "../../gblm_viz/ui/components/matrix_view/saving_numbers.js";
import { splitWords } from "../../gblm_viz/ui/components/matrix_view/saving_picture.js";
import { readInput } from "../../gblm_viz/ui/components/matrix_view/settings.js";
import { findRange, summarizeLine } from "../../gblm_viz/ui/components/matrix_view/strips.js";
import { RULE } from "./rule.mjs";

const SHAPE = { rows: 4096, columns: 11008 };
const COLOURS = {
  kept: "#000080", removed: "#ff8000", pick: "#ff00ff", bothKept: "#ffffff", bothRemoved: "#000000",
  ramps: { sequential: ["#000000", "#ffffff"], diverging: ["#000000", "#808080", "#ffffff"], density: ["#ffffff", "#000000"] } };
const WEIGHT = { id: "w", label: "Weight", kind: "diverging", lo: -1, hi: 1, scale: "linear", unit: "", categories: [], pooling: "extreme" };
const MASK = { ...WEIGHT, id: "m", label: "Mask", kind: "mask", lo: 0, pooling: "mean" };
const FOUR = { ...WEIGHT, id: "f", label: "Two", kind: "four", categories: ["both keep", "both remove", "only A", "only B"], pooling: "shares" };
const WORDS = {
  none: "no value", kept: "kept", removed: "removed", weight: "({row}, {column}): {value}", one_weight: "one weight",
  pooled_mask: "{rows} × {columns}: {value} of {count}", many_weights: "{rows} × {columns} = {count}", rough: "rough",
  shows_extreme: "the largest", sorted_places: "places {places}" };
const port = (more) => ({ ...makePort(), width: 600, height: 400, ...more });

test("the steps of the ladder grow by at most a half and are whole, as the server's are", () => {
  assert.deepEqual(STEPS.slice(0, 12), [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16]);
  assert.ok(STEPS.every((step, at) => Number.isInteger(step) && (at < 2 || step <= STEPS[at - 1] * 1.5)));
  assert.ok(SCALES.every((scale, at) => at === 0 || scale > SCALES[at - 1]));
});

test("a pixel stands for the smallest step that fits the scale", () => {
  assert.deepEqual([3, 1, 0.5, 0.4, 1 / 3, 0.05].map(chooseStep), [1, 1, 2, 3, 3, 20]);
});

test("a whole matrix is shown at a scale of the ladder where that costs little room, else at the exact one", () => {
  assert.equal(findFitScale({ rows: 100, columns: 100 }, { width: 210, height: 300 }), 2);
  assert.equal(findFitScale({ rows: 100, columns: 100 }, { width: 270, height: 300 }), 2.7);
  assert.equal(findLargestScale({ rows: 100, columns: 100 }, port({})), 80);
  assert.equal(findLargestScale({ rows: 1, columns: 2 }, port({})), 300);
});

test("a zoom snaps to the nearest scale between the whole matrix and the largest cell", () => {
  const room = port({});
  assert.equal(snapScale(1e-9, SHAPE, room), findFitScale(SHAPE, room));
  assert.equal(snapScale(1.2, SHAPE, room), 1);
  assert.equal(snapScale(13, SHAPE, room), 14);
  assert.equal(snapScale(1e9, SHAPE, room), 80);
});

test("a small matrix stands in the middle, and a large one leaves no room at its edges", () => {
  const small = port({ scale: 10, left: 77, top: -5 }), large = port({ scale: 1, left: 50, top: -9999 });
  clampPort(small, { rows: 10, columns: 20 });
  assert.deepEqual([small.left, small.top], [200, 150]);
  clampPort(large, SHAPE);
  assert.deepEqual([large.left, large.top], [0, 400 - 4096]);
});

test("the weights in sight include those that an edge cuts off", () => {
  assert.deepEqual(findVisible(port({ scale: 10, left: -15, top: -20 }), SHAPE), { row: 2, column: 1, rows: 40, columns: 61 });
  assert.deepEqual(findVisible(port({ scale: 10, left: 200, top: 150 }), { rows: 10, columns: 20 }), { row: 0, column: 0, rows: 10, columns: 20 });
});

test("a tile's edges lie where the server's groups have theirs, and it covers what is in sight", () => {
  const piece = alignPiece({ row: 5, column: 8, rows: 10, columns: 4 }, 4);
  assert.deepEqual(piece, { row: 4, column: 8, rows: 12, columns: 4, height: 3, width: 1 });
});

test("a zoom keeps the place under the pointer, and many there and back do not let it drift", () => {
  const one = port({ scale: 1, left: -1000, top: -1000 }), x = 333, y = 111, before = (x - one.left) / one.scale;
  for (const times of [1.7, 1.7, 1.7, 1 / 1.7, 1 / 1.7, 1 / 1.7]) {
    const anchor = zoomPort(one, SHAPE, one.wish * times, x, y);
    clampPort(one, SHAPE);
    if (anchor) one.anchor = anchor;
    assert.ok(Math.abs((x - one.left) / one.scale - before) <= 0.5 / one.scale + 1e-9);
  }
  assert.equal(one.scale, 1);
});

test("a wish outside the scales is cut to them, and a scale that stays moves nothing", () => {
  const one = port({ scale: 80, wish: 80, left: -5 });
  assert.equal(zoomPort(one, SHAPE, 1e6, 10, 10), null);
  assert.deepEqual([one.wish, one.left], [80, -5]);
});

test("a weight is brought to the middle only in the direction in which it is out of sight", () => {
  const one = port({ scale: 10, left: 0, top: 0 });
  assert.equal(revealWeight(one, 20, 30), false);
  assert.equal(revealWeight(one, 20, 100), true);
  assert.deepEqual([one.left, one.top], [300 - 1005, 0]);
});

test("a canvas has the screen's pixels, but never more than it can draw at once", () => {
  assert.deepEqual(computeSize({ width: 300, height: 200 }, 2, 4e6), { ratio: 2, width: 600, height: 400 });
  const { width, height, ratio } = computeSize({ width: 3000, height: 2000 }, 2, 4e6);
  assert.ok(width * height < 4.01e6 && ratio < 1);
});

test("the block pointed at is aligned to the step, and there is none outside the matrix", () => {
  const view = { value: { ...SHAPE, sorted: null }, tile: {}, port: port({ scale: 0.25, left: 0, top: 0 }), echo: null, pointer: { x: 10.5, y: 2 } };
  assert.deepEqual(findBlock(view), { row: 8, column: 40, step: 4, exactRow: 8, exactColumn: 42 });
  assert.equal(findBlock(view, { x: -1, y: 2 }), null);
  assert.equal(findBlock({ ...view, tile: null }), null);
});

test("without a pointer the place of another view is framed, where its stored column is shown here", () => {
  const value = { rows: 2, columns: 3, sorted: [2, 0, 1] };
  const view = { value, tile: {}, port: port({ scale: 10 }), echo: { row: 1, column: 0 }, pointer: null };
  assert.equal(findBlock(view).exactColumn, 1);
  assert.deepEqual([0, 1, 2].map((shown) => findShownColumn(value, findStoredColumn(value, shown))), [0, 1, 2]);
});

test("numbers have three digits, a true minus sign, and names for what is no number", () => {
  assert.deepEqual([0, 0.01234, -2, 512.4, 0.000314, 99999, NaN, -Infinity].map((one) => formatNumber(one)),
    ["0", "0.0123", "−2", "512", "3.14e-4", "1e5", "NaN", "−∞"]);
  assert.equal(formatNumber(NaN, "none"), "none");
  assert.deepEqual([formatPercent(0.256), formatCount(1234567), formatCount(12), formatSpan(3, 3), formatSpan(3, 5)], ["25.6 %", "1\u202f234\u202f567", "12", "3", "3–5"]);
  assert.deepEqual([formatExactly(NaN), formatExactly(Math.fround(0.1))], ["", "0.100000001"]);
});

test("the colours of a mask's weights are two, and its shares a ramp whose ends are the first and last stop", () => {
  const palette = makePalette(COLOURS), single = chooseColours(palette, "mask", 1), shares = chooseColours(palette, "mask", 2);
  assert.deepEqual([single[1], single[255]], [parseColour("#000080"), parseColour("#ff8000")]);
  assert.deepEqual([shares[1], shares[128], shares[255]], [[255, 255, 255], [128, 128, 128], [0, 0, 0]]);
  assert.deepEqual([isDark([0, 0, 0]), isDark([255, 255, 255])], [true, false]);
});

test("four categories mix by their shares", () => {
  const palette = makePalette(COLOURS);
  assert.deepEqual(mixColours(palette, [0, 0, 0]), [255, 255, 255]);
  assert.deepEqual(mixColours(palette, [0, 0.5, 0.5]), [128, 64, 64]);
});

test("a code of zero is a transparent gap, and every other one has its colour", () => {
  const palette = makePalette(COLOURS), tile = { pixels: Uint8Array.of(0, 1, 255), planes: 1, step: 2, height: 1, width: 3 };
  const { data, gaps } = colourPixels(tile, "sequential", palette);
  assert.deepEqual([[...data], gaps], [[0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255], true]);
  const whole = colourPixels({ ...tile, pixels: Uint8Array.of(1, 1, 1, 1, 1, 1, 255, 1, 1), planes: 3 }, "four", palette);
  assert.deepEqual([[...whole.data.slice(0, 4)], whole.gaps], [[255, 128, 0, 255], false]);
});

test("a large request is parted into bands that together ask for exactly its rows", () => {
  const request = { row: 8, column: 0, rows: 4000, columns: 8000, height: 1000, width: 2000 }, bands = splitIntoBands(request, 3);
  assert.equal(bands.length, 34);
  assert.equal(bands.reduce((sum, band) => sum + band.height, 0), 1000);
  bands.reduce((row, band) => (assert.equal(band.row, row), row + band.rows), 8);
  assert.deepEqual(splitIntoBands({ ...request, height: 10 }, 1).length, 1);
});

test("bands of several planes are put together plane by plane", () => {
  const band = (pixels, height) => ({ planes: 2, width: 2, height, row: 0, pixels: Buffer.from(pixels).toString("base64") });
  const whole = joinBands([band([1, 2, 9, 8], 1), band([3, 4, 5, 6, 7, 7, 6, 6], 2)]);
  assert.deepEqual([whole.height, [...whole.pixels]], [3, [1, 2, 3, 4, 5, 6, 9, 8, 7, 7, 6, 6]]);
});

test("a code stands for its number on a linear and on a logarithmic scale", () => {
  assert.deepEqual([1, 128, 255].map((code) => decodeNumber(code, WEIGHT)), [-1, 0, 1]);
  assert.equal(decodeNumber(128, { ...WEIGHT, scale: "log", lo: 0.01, hi: 100 }), 1);
});

test("a block is read from the tile that shows it, exactly only where nothing is pooled or values came", () => {
  const tile = { field: MASK, step: 2, row: 4, column: 4, height: 1, width: 2, planes: 1, pixels: Uint8Array.of(255, 0), values: null };
  assert.deepEqual(readNumbers(tile, { row: 4, column: 4, step: 2 }), { numbers: [1], exact: false });
  assert.deepEqual(readNumbers(tile, { row: 4, column: 6, step: 2 }), { numbers: [NaN], exact: true });
  assert.deepEqual(readNumbers({ ...tile, values: Float32Array.of(0.25, 0.5) }, { row: 4, column: 6, step: 2 }), { numbers: [0.5], exact: true });
  assert.equal(readNumbers(tile, { row: 4, column: 8, step: 2 }), null);
  assert.equal(readNumbers(tile, { row: 4, column: 4, step: 1 }), null);
});

test("a weight is said in the words of its field, and pooled ones with a sign that they are near", () => {
  assert.equal(describeValue(WEIGHT, [0.5], 1, true, WORDS), "0.5");
  assert.equal(describeValue({ ...WEIGHT, unit: "nats" }, [0.5], 4, false, WORDS), "≈ 0.5 nats");
  assert.equal(describeValue(MASK, [0.25], 4, true, WORDS), "25 %");
  assert.equal(describeValue(MASK, [1], 1, true, WORDS), "removed");
  assert.equal(describeValue({ ...MASK, kind: "diverging", pooling: "chance" }, [-0.5], 1, true, WORDS), "kept");
  assert.equal(describeValue(WEIGHT, [NaN], 1, true, WORDS), "no value");
  assert.equal(describeValue(FOUR, [0, 1, 0], 1, true, WORDS), "only A");
  assert.equal(describeValue(FOUR, [0, 0.5, 0], 4, true, WORDS), "both keep 50 %, both remove 0 %, only A 50 %, only B 0 %");
});

test("a sentence names stored columns, and of a block at the edge only the weights that are there", () => {
  const shown = { value: { rows: 5, columns: 3, sorted: [2, 0, 1] }, field: WEIGHT, words: WORDS };
  assert.equal(describeBlock(shown, { row: 4, column: 0, step: 1 }, [0], true), "(4, 2): 0");
  assert.equal(describeBlock({ ...shown, field: MASK }, { row: 4, column: 0, step: 4 }, [0.5], true), "4 × places 0–2: 50 % of 3");
});

test("a cell is printed as a mark where its field has two or four states, else as a number", () => {
  const tile = { field: MASK, height: 1, width: 3, values: Float32Array.of(0, 1, NaN) };
  assert.deepEqual([0, 1, 2].map((at) => describeCell(tile, at, WORDS).mark), ["·", "×", "?"]);
  assert.deepEqual(describeCell({ ...tile, field: WEIGHT }, 1, WORDS), { mark: null, said: "1", number: 1 });
  assert.deepEqual(describeCell({ field: FOUR, height: 1, width: 1, values: Float32Array.of(0, 0, 1) }, 0, WORDS), { mark: "B", said: "only B", number: 3 });
});

test("the page is told a pinned weight's number, its category, or 0 and 1 of a mask; null where there is none", () => {
  assert.equal(choosePinNumber([0.25], WEIGHT), 0.25);
  assert.equal(choosePinNumber([0.25], { ...WEIGHT, pooling: "chance" }), 1);
  assert.equal(choosePinNumber([0, 0, 1], FOUR), 3);
  assert.equal(choosePinNumber([NaN], WEIGHT), null);
  assert.equal(choosePinNumber(null, WEIGHT), null);
});

test("a pixel's lines are those it shows, and a mean leaves out what has no value", () => {
  assert.deepEqual([findRange(3, 2), findRange(3, 0.5)], [{ first: 1, last: 1 }, { first: 6, last: 7 }]);
  assert.deepEqual(summarizeLine(Float32Array.of(1, NaN, 3, 9), 0, 2), { high: 3, middle: 2 });
  assert.deepEqual(summarizeLine(Float32Array.of(NaN), 0, 5), { high: 0, middle: NaN });
});

test("a profile of shares is drawn up to all, any other one up to its largest measure", () => {
  const rows = Float32Array.of(0.5, NaN), columns = Float32Array.of(1, 3);
  assert.deepEqual([makeProfile("", rows, columns, "mask").most, makeProfile("", rows, columns, "diverging").most], [1, 3]);
  assert.equal(makeProfile("", rows, columns, "mask").mean, 2);
  assert.deepEqual({ ...makeProfile("", Float32Array.of(NaN), Float32Array.of(NaN), "diverging"), rows: 0, columns: 0 }, { name: "", rows: 0, columns: 0, most: 1, mean: 0 });
});

test("a picture keeps the visitor's field unless it names one itself", () => {
  const fields = [WEIGHT, MASK];
  assert.equal(chooseField({ fields, field: "m" }, WEIGHT), MASK);
  assert.equal(chooseField({ fields, field: null }, { ...MASK }), MASK);
  assert.equal(chooseField({ fields, field: null }, FOUR), WEIGHT);
});

test("the box goes to two numbers inside the matrix, however they are parted", () => {
  const shape = { rows: 10, columns: 20 };
  for (const text of ["3, 15", "(3/15)", "row 3 column 15"]) assert.deepEqual(parsePlace(text, shape), [3, 15]);
  for (const text of ["", "3", "10, 0", "0, 20", "1 2 3"]) assert.equal(parsePlace(text, shape), null);
});

test("what a pixel stands for says how it is pooled, or that one row stands for two", () => {
  assert.equal(describeStep({ step: 1, field: WEIGHT }, false, WORDS), "one weight");
  assert.equal(describeStep({ step: 4, field: WEIGHT }, false, WORDS), "4 × 4 = 16; the largest");
  assert.equal(describeStep({ step: 4, field: WEIGHT }, true, WORDS), "4 × 4 = 16; rough");
  assert.equal(describeStep({ step: 4, field: MASK }, false, WORDS), "4 × 4 = 16");
});

test("the minimap's box lies inside the map, also at the last weights", () => {
  const one = port({ scale: 10, left: 600 - SHAPE.columns * 10, top: 400 - SHAPE.rows * 10 }), map = placeMinimap(one, SHAPE);
  assert.ok(map.width <= 130 && map.height <= 90 && map.seen.width === 4);
  assert.ok(map.seen.x + map.seen.width <= map.x + map.width && map.seen.y + map.seen.height <= map.y + map.height);
});

test("a saved file's remark is one line that no spreadsheet runs, and its table names stored columns", () => {
  const value = { title: "Block\n3", note: "made, =1+1", sorted: [7, 5] }, view = { value, field: { ...WEIGHT, unit: "" }, words: WORDS, csv: RULE };
  assert.equal(composeRemark(view, 1), "# Block 3 · Weight · made, '=1+1".replace(", '=", ",' ="));
  assert.equal(nameFile({ value: { title: "Block 3, ｄown" }, field: WEIGHT }, "csv"), "block-3-down-weight.csv");
  const answer = { row: 2, column: 0, step: 1, height: 1, width: 2 };
  assert.deepEqual(makeTable(view, answer, Float32Array.of(0.5, NaN)), ["row,7,5", "2,0.5,"]);
  assert.deepEqual(makeTable({ ...view, field: FOUR }, { ...answer, width: 1 }, Float32Array.of(0, 0, 1)), ["row,7", "2,3"]);
});

test("a remark below the picture breaks inside a word only where the word alone is too long", () => {
  assert.deepEqual(splitWords("ab cdefg", 4, (text) => text.length), ["ab ", "c", "d", "e", "f", "g"]);
});

test("a control is read as a number, a choice as its text, and a list by the value of what it shows", () => {
  const input = (value, type, role = null) => ({ value, type, getAttribute: () => role });
  assert.equal(readInput(input("0.5", "range"), {}), 0.5);
  assert.equal(readInput(input("wanda", "radio"), {}), "wanda");
  assert.equal(readInput(input("The row", "text", "combobox"), { "The row": "row" }), "row");
  assert.equal(readInput(input("Other", "text", "combobox"), { "The row": "row" }), "Other");
});

test("a turn of the wheel doubles, back halves, and a wild one is bounded", () => {
  assert.deepEqual([computeZoom(-133), computeZoom(133), computeZoom(1e9)], [2, 0.5, computeZoom(400)]);
  assert.deepEqual([clampIndex(-1, 5), clampIndex(3, 5), clampIndex(9, 5)], [0, 3, 4]);
});

test("an answer for an older picture is dropped, and what is wanted now is asked for, one request at a time", async () => {
  const asked = [], state = { settled: 0 };
  const value = { key: "k", rows: 10, columns: 10, version: 1, live: {} };
  const view = {
    value, field: MASK, words: { error_gone: "gone" }, live: null, heard: null, tile: null, overview: null, flying: false, failed: false,
    element: { isConnected: true }, root: { dataset: {} }, parts: { message: {} }, port: port({ scale: 10 }),
    drawSoon() {}, arrived() {}, settled() { state.settled++; },
    server: { tile: async (request) => {
      asked.push(request.version);
      if (request.version === 1) view.value = { ...value, version: 2 };
      return { error: "gone" };
    } } };
  const first = requestTiles(view);
  await requestTiles(view); // the first one is still on its way
  assert.deepEqual(asked, [1]);
  await first;
  assert.deepEqual([asked, state.settled, view.failed, view.flying], [[1, 2], 0, true, false]);
  assert.deepEqual([view.root.dataset, view.parts.message.textContent], [{ state: "error", error: "gone" }, "gone"]);
});
