// The components on a small page: what they draw, and what they tell the server.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { start as breadcrumb } from "../../gblm_viz/ui/components/breadcrumb/breadcrumb.js";
import { start as chatPane } from "../../gblm_viz/ui/components/chat_pane/chat_pane.js";
import { start as handRow } from "../../gblm_viz/ui/components/hand_row/hand_row.js";
import { start as lossStrip } from "../../gblm_viz/ui/components/loss_strip/loss_strip.js";
import { start as matrixView } from "../../gblm_viz/ui/components/matrix_view/matrix_view.js";
import { start as modelMap } from "../../gblm_viz/ui/components/model_map/model_map.js";
import { start as pointTable } from "../../gblm_viz/ui/components/point_table/point_table.js";
import { start as probeTable } from "../../gblm_viz/ui/components/probe_table/probe_table.js";
import { start as sampleList } from "../../gblm_viz/ui/components/sample_list/sample_list.js";
import { begin, openPage } from "./page.mjs";
import { RULE } from "./rule.mjs";

beforeEach(openPage);

const texts = (element, selector) => element.querySelectorAll(selector).map((one) => one.textContent);
const settled = () => new Promise((done) => { setTimeout(done, 20); });

test("the path goes up by a click and by Esc, and shows the weight that is pointed at", () => {
  const { element, sent, set } = begin(breadcrumb, "nav.breadcrumb\n  ol");
  set({ parts: ["model", "<b>q</b>", "(1, 2)"], label: "where", hint: "up", weight: "({row}, {column})" });
  assert.deepEqual(texts(element, "li"), ["model", "<b>q</b>", "(1, 2)"]);
  element.querySelectorAll("button")[0].click();
  document.body.send("keydown", { key: "Escape" });
  document.send("weight-hover", { detail: { at: { row: 0, column: 7 } } });
  assert.deepEqual(texts(element, ".hovered"), ["(0, 7)"]);
  document.send("weight-hover", { detail: { at: null } });
  assert.deepEqual([texts(element, ".hovered"), sent], [[], [["select", { level: 1 }], ["select", { level: 2 }]]]);
});

test("a table of samples tells which box was switched, and keeps the focus when it is drawn anew", () => {
  const { element, sent, set } = begin(sampleList, "div.sample-list\n  table\n    thead\n      tr\n    tbody\n  p.sample-more");
  const value = { rows: [{ index: 4, tokens: 9, text: "a", state: "dropped" }], words: { use: "use {index}", dropped: "left out" }, more: "and 3" };
  set(value);
  element.querySelector("input").focus();
  element.querySelector("input").send("change");
  set(value);
  assert.equal(document.activeElement, element.querySelector("input"));
  assert.deepEqual([sent, texts(element, "tbody td").slice(1)], [[["select", { index: 4 }]], ["4", "9", "left out", "a"]]);
});

test("a row's button tells its number", () => {
  const { element, sent, set } = begin(pointTable, "div.point-table\n  table\n    thead\n      tr\n    tbody", { config: { charts: "" } });
  set({ heads: ["a"], rows: [{ number: 3, cells: ["x"], name: "load 3" }], load: "Load", label: "runs" });
  element.querySelector("button").click();
  assert.deepEqual([texts(element, "th"), sent], [["a"], [["select", { number: 3 }]]]);
});

const PROBES = "div.probe-table\n  table\n    thead\n      tr\n    tbody\n  div.probe-pages\n    button.back\n    span\n    button.on\n    a.save";

test("probes are opened by their question or their row, once, and keys walk and turn the page", () => {
  const { element, sent, set } = begin(probeTable, PROBES);
  const line = (index) => ({ index, cells: ["q" + index, "1"], fate: "kept" });
  set({ columns: [{ name: "q", title: "Question", kind: "prompt", sorted: "ascending" }, { name: "", title: "n", kind: "number", sorted: "none" }],
    lines: [line(7), line(8)], pages: { told: "1–2", before: false, after: true }, words: { ask: "ask" } });
  const [first, second] = element.querySelectorAll("td button");
  first.click();
  element.querySelectorAll("tr")[2].click();
  element.querySelector("th button").click();
  first.focus();
  first.send("keydown", { key: "ArrowDown" });
  assert.equal(document.activeElement, second);
  second.send("keydown", { key: "PageDown" });
  second.send("keydown", { key: "PageUp" });
  assert.deepEqual(sent.map(([, { asked }]) => asked), [["open", 7], ["open", 8], ["sort", "q"], ["page", 1]]);
});

test("a number by hand is told when it is one, and stands again when it is none", () => {
  const { element, sent, set } = begin(handRow, "div.hand-row\n  table\n    thead\n    tbody\n  p.hand-told");
  const entry = { column: 5, numbers: { weight: 0.5 }, score: 1, rank: 2, removed: true, pinned: true, flipped: true };
  set({ entries: [entry], fields: ["weight"], changed: ["weight 5"], words: { goes: "goes", weight: "|W|" }, told: "told" });
  const box = element.querySelector("input");
  for (const text of ["-3", "2,5", ""]) {
    box.value = text;
    box.send("change");
  }
  assert.deepEqual([sent.map(([, { change }]) => change), box.className], [[["weight", 5, 2.5], ["weight", 5, null]], "changed"]);
  assert.deepEqual(texts(element, ".goes.flipped"), ["× goes"]);
});

test("a row that is drawn anew keeps what is being typed, unless another number stands there now", () => {
  const { element, sent, set } = begin(handRow, "div.hand-row\n  table\n    thead\n    tbody\n  p.hand-told");
  const words = { goes: "goes", stays: "stays", weight: "|W|" };
  const value = (number, removed) => ({ entries: [{ column: 5, numbers: { weight: number }, score: 1, rank: 2, removed, pinned: true, flipped: false }],
    fields: ["weight"], changed: [], words, told: "" });
  const box = () => element.querySelector("input");
  set(value(0.5, true));
  box().focus();
  box().value = "5";
  set(value(0.5, false));
  assert.deepEqual([box().value, document.activeElement === box(), sent], ["5", true, []]);
  box().send("blur");
  box().send("blur");
  assert.deepEqual(sent.map(([, { change }]) => change), [["weight", 5, 5]]);
  box().value = "50";
  set(value(0.25, false));
  assert.equal(box().value, "0.25");
  assert.equal(sent.length, 1);
});

test("a growing answer keeps its elements, and a whole one is walked through by keys", async () => {
  const { element, sent, set } = begin(chatPane, "div.chat");
  const words = { empty: "nothing yet", answer: "answer", part: "part", next: "next" }, value = { look: "dense", words, stale: false, open: true };
  set({ ...value, bubbles: [{ asked: "q", growing: "ab", mark: null }] });
  const box = element.querySelector(".said");
  set({ ...value, bubbles: [{ asked: "q", growing: "abc", mark: [1, 2] }] });
  assert.deepEqual([box.textContent, element.querySelector(".said") === box, texts(box, "mark")], ["abc▍", true, ["b"]]);
  set({ ...value, bubbles: [{ asked: "q", tokens: ["a", ""], parting: 1, same: [1, 0] }] });
  const [first, part, next] = element.querySelectorAll(".tok");
  assert.deepEqual([first.className, part.className, next.className], ["tok same", "tok part differs parting", "tok next"]);
  first.send("keydown", { key: "End" });
  next.send("keydown", { key: "ArrowLeft" });
  part.send("keydown", { key: "Enter" });
  await settled();
  assert.deepEqual([sent, document.activeElement === part], [[["select", { place: [0, 1] }]], true]);
});

const STRIP = `div.loss-strip
  p.strip-title
  div.strip-tokens
  p.strip-legend
  div.strip-told
    p.strip-sentence
    table
      thead
      tbody`;

test("the strip begins at the largest loss, tells both sides of a token, and turns the window", () => {
  const side = { loss: 0.5, rank: 2, best: "b", best_probability: 0.25 }, words = { place: "{place}/{count}", worse: "worse {size}", first: "first", dense: "Dense", pruned: "Pruned" };
  const { element, sent, set } = begin(lossStrip, STRIP, { config: { colours: { removed: "red", kept: "blue" } } });
  set({ tokens: [{ text: "a", difference: 0, dense: null, pruned: null }, { text: "b", difference: 2, dense: side, pruned: side }],
    words, strongest: [1], start: 1, full: 3, title: "t", made: "m" });
  const [first, second] = element.querySelector(".strip-tokens").children;
  assert.equal(element.querySelector(".strip-sentence").textContent, "2/2bworse 2.00");
  assert.deepEqual(texts(element, "td"), ["0.50", "60.7 %", "2", "b25.0 %", "0.50", "60.7 %", "2", "b25.0 %"]);
  second.send("keydown", { key: "ArrowLeft" });
  first.send("keydown", { key: "PageDown" });
  assert.deepEqual([first.getAttribute("aria-selected"), second.tabIndex, sent], ["true", -1, [["select", { step: 1 }]]]);
  assert.equal(JSON.parse(element.querySelector(".loss-strip").dataset.rows).length, 3);
});

test("the map tells the chosen matrix, leaves gaps, and marks the same matrix on another map", () => {
  const template = "div.model-map\n  p.model-map-title\n  div.model-map-grid\n  p.model-map-note\n  p.model-map-reading\n  div.model-map-legend";
  const cell = (block, role) => ({ name: role + block, block, role, mark: "", label: role, text: "text " + role + block, value: null, colour: null, ink: "" });
  const value = { title: "t", note: "", corner: "", blocks: 2, roles: ["q", "v"].map((id) => ({ id, label: id, title: id })), cells: [cell(0, "q"), cell(1, "v"), cell(0, "v")],
    selected: "q0", legend: { lo: "0", hi: "1", colours: ["a", "b"], words: [], gap: "none" } };
  const one = begin(modelMap, template), other = begin(modelMap, template);
  one.set(value);
  other.set(value);
  const [first, next, last] = one.element.querySelectorAll("button");
  first.focus();
  first.send("keydown", { key: "ArrowRight" });
  assert.equal(document.activeElement, next);
  assert.deepEqual(other.element.querySelectorAll(".echo").map((button) => button.dataset.name), ["v0"]);
  last.click();
  assert.deepEqual([one.sent, last.getAttribute("aria-pressed")], [[["select", { name: "v1" }]], "true"]);
  assert.equal(one.element.querySelector(".model-map-reading").textContent, "text v1");
});

const VIEW = `div.matrix-view
  div.matrix-title
  div.matrix-fields
  div.matrix-stage
    canvas.matrix-profile.matrix-columns
    canvas.matrix-profile.matrix-rows
    canvas.matrix-canvas
    div.matrix-cells
    p.matrix-message
  p.matrix-hover
  p.matrix-pinned
  div.matrix-tools
    input.matrix-goto
    button[data-do=in]
    button[data-do=out]
    button[data-do=fit]
  div.matrix-legend
  div.matrix-tools
    button[data-do=table]
    button[data-do=png]
    button[data-do=csv]`;
const COLOURS = { kept: "#000080", removed: "#ff8000", pick: "#ff00ff", bothKept: "#ffffff", bothRemoved: "#000000",
  ramps: { sequential: ["#000000", "#ffffff"], diverging: ["#000000", "#ffffff"], density: ["#ffffff", "#000000"] } };
const LETTERS = { small: 14, head: 20, fine: 13 };
const base64 = (array) => Buffer.from(array.buffer).toString("base64");

/** A server of a matrix of 4 × 4 weights, each the number of its column. */
function server(asked) {
  return {
    tile: async (request) => {
      const { row, column, height, width, version } = request, values = Float32Array.from({ length: height * width }, (_one, at) => column + at % width);
      asked.push(request);
      return { version, row, column, step: 1, height, width, planes: 1, pixels: base64(new Uint8Array(height * width).fill(9)), values: base64(values) };
    },
    profile: async () => ({ rows: base64(new Float32Array(4)), columns: base64(new Float32Array(4)) }),
  };
}

/** A view of 200 × 100 pixels, in which the matrix has cells of 24. */
function openView(changes = {}) {
  const asked = [], view = begin(matrixView, VIEW, {
    server: { ...server(asked), ...changes }, sliders: [], sizes: { ".matrix-canvas": [200, 100] }, config: { colours: COLOURS, letters: LETTERS, csv: RULE } });
  const root = view.element.querySelector(".matrix-view"), canvas = root.querySelector(".matrix-canvas");
  const words = { weight: "({row}, {column}) = {value}", pinned: "pinned {text}", one_weight: "one weight", error_gone: "gone", canvas: "{title}" };
  const field = { id: "w", label: "Weight", kind: "diverging", lo: -1, hi: 4, scale: "linear", unit: "", categories: [], pooling: "extreme" };
  const value = { key: "k", rows: 4, columns: 4, title: "t", fields: [field], field: null, heads: [0, 0], borders: "heads", note: "",
    sorted: [3, 2, 1, 0], live: {}, pin: null, version: 1, words };
  return { ...view, root, canvas, asked, value };
}

test("a matrix is asked for once, then listed and described with its stored columns", async () => {
  const { root, canvas, set, asked, value } = openView();
  assert.equal(root.dataset.state, "empty");
  set(value);
  assert.equal(root.dataset.state, "loading");
  await settled();
  assert.deepEqual(asked, [{ key: "k", field: "w", version: 1, row: 0, column: 0, rows: 4, columns: 4, height: 4, width: 4 }]);
  assert.deepEqual([root.dataset.state, root.dataset.scale, root.dataset.view, canvas.getAttribute("aria-label")], ["ready", "24", "0,0,4,4", "t"]);
  assert.deepEqual([texts(root, "th").slice(0, 6), texts(root, "td").slice(0, 4)], [["", "3", "2", "1", "0", "0"], ["0", "1", "2", "3"]]);
  assert.ok(texts(root, ".matrix-legend span").includes("one weight"));
  set({ ...value });
  await settled();
  assert.equal(asked.length, 1);
});

test("a weight is pinned by keys or by its numbers, told to the page as stored, and let go by Esc", async () => {
  const { root, canvas, sent, set, value } = openView();
  set(value);
  await settled();
  canvas.send("keydown", { key: "Enter" });
  await settled();
  const told = { row: 2, column: 1, index: [2, 1], value: 2, field: "w", key: "k" };
  assert.deepEqual([root.dataset.pin, root.querySelector(".matrix-pinned").textContent, sent], ["2,1", "pinned (2, 1) = 2", [["select", told]]]);
  canvas.send("keydown", { key: "Escape" });
  root.querySelector(".matrix-goto").value = "0, 3";
  root.querySelector(".matrix-goto").send("keydown", { key: "Enter" });
  await settled();
  assert.deepEqual(sent.slice(1), [["clear", {}], ["select", { ...told, row: 0, column: 3, index: [0, 3], value: 0 }]]);
});

test("what the server refuses is said, and the next picture is asked for again", async () => {
  let refused = true;
  const good = server([]).tile, { root, set, value } = openView({ tile: async (request) => (refused ? { error: "gone" } : good(request)) });
  set(value);
  await settled();
  assert.deepEqual([root.dataset.state, root.dataset.error, root.querySelector(".matrix-message").textContent], ["error", "gone", "gone"]);
  refused = false;
  set({ ...value, version: 2 });
  await settled();
  assert.deepEqual([root.dataset.state, root.dataset.error], ["ready", undefined]);
  set(null);
  assert.deepEqual([root.dataset.state, root.textContent.trim()], ["empty", ""]);
});

test("what one view is pointed at, another of the same shape reads out, and nothing is chosen", async () => {
  const one = openView(), other = openView();
  one.set(one.value);
  other.set({ ...other.value, sorted: null });
  await settled();
  one.canvas.send("pointermove", { clientX: 60, clientY: 10 });
  await settled();
  assert.deepEqual([one.root.dataset.hover, other.root.dataset.hover], ["(0, 3) = 0", "(0, 3) = 3"]);
  one.canvas.send("pointerleave", {});
  assert.deepEqual([other.root.dataset.hover, one.sent, other.sent], ["", [], []]);
});
