// The small components: what they decide without a page.

import assert from "node:assert/strict";
import test from "node:test";

import { chooseButton } from "../../gblm_viz/ui/components/blind_keys.js";
import { describeWeight } from "../../gblm_viz/ui/components/breadcrumb/breadcrumb.js";
import { findNextToken, isGrowing, splitAtMark } from "../../gblm_viz/ui/components/chat_pane/bubbles.js";
import { formatNumber, parseNumber } from "../../gblm_viz/ui/components/hand_row/digits.js";
import { isLocal, makeLink, readChoice } from "../../gblm_viz/ui/components/link_dialog/making.js";
import { findNearestAcross } from "../../gblm_viz/ui/components/loss_strip/loss_strip.js";
import { chooseLook, describeDifference, formatPercent, makeRows, markBlanks } from "../../gblm_viz/ui/components/loss_strip/losses.js";
import { findNextPlace } from "../../gblm_viz/ui/components/model_map/walking.js";
import { findHiddenTabs, makeHidingRule, mergeQuery } from "../../gblm_viz/ui/components/place.js";
import { readNumber } from "../../gblm_viz/ui/components/point_table/point_table.js";
import { chooseStep } from "../../gblm_viz/ui/components/probe_table/probe_table.js";
import { readStops } from "../../gblm_viz/ui/components/saving/boxes.js";
import { readPlace } from "../../gblm_viz/ui/components/saving/linking.js";
import { cleanNumber, nameFile, readChart } from "../../gblm_viz/ui/components/saving/numbers.js";
import { splitAtBreaks } from "../../gblm_viz/ui/components/saving/paper.js";
import { describeChart } from "../../gblm_viz/ui/components/saving/saving.js";
import { translateName } from "../../gblm_viz/ui/components/slider_names.js";
import { send } from "../../gblm_viz/ui/components/upload_button/upload_button.js";

const NO_KEYS = { ctrlKey: false, metaKey: false, altKey: false };

test("a key votes in either case, and not together with Ctrl, and no other key does", () => {
  assert.equal(chooseButton({ ...NO_KEYS, key: "A" }), "vote-a");
  assert.equal(chooseButton({ ...NO_KEYS, key: "t" }), "vote-tie");
  assert.equal(chooseButton({ ...NO_KEYS, key: "u" }), "vote-undo");
  assert.equal(chooseButton({ ...NO_KEYS, key: "a", ctrlKey: true }), "");
  for (const key of ["x", "toString", "constructor"]) assert.equal(chooseButton({ ...NO_KEYS, key }), "");
});

test("the path names the weight pointed at by its row and column", () => {
  assert.equal(describeWeight("weight ({row}, {column})", { row: 0, column: 12 }), "weight (0, 12)");
});

test("a growing answer is marked by code points, as the server counts them", () => {
  assert.deepEqual(splitAtMark({ asked: "", growing: "a😀bc", mark: [1, 2] }), ["a", "😀", "bc"]);
  assert.deepEqual(splitAtMark({ asked: "", growing: "a😀", mark: null }), ["a😀", "", ""]);
  assert.equal(isGrowing({ asked: "", tokens: [], parting: null, same: null }), false);
});

test("arrow keys lead from token to token, other keys nowhere", () => {
  assert.deepEqual(["ArrowRight", "ArrowLeft", "Home", "End"].map((key) => findNextToken(key, 3, 9)), [4, 2, 0, 8]);
  for (const key of ["Tab", "toString", "a"]) assert.equal(findNextToken(key, 3, 9), undefined);
});

test("a number by hand has three digits, or a power where it is very small or large", () => {
  assert.deepEqual([0, 0.5, 0.001234, 9999, 0.0001, 12345].map(formatNumber), ["0", "0.5", "0.00123", "10000", "1.0e-4", "1.2e4"]);
});

test("a typed number may have a comma, an empty box takes it back, and anything else is refused", () => {
  assert.deepEqual(["0,5", " 3 ", "1e-3"].map(parseNumber), [0.5, 3, 0.001]);
  assert.equal(parseNumber("  "), null);
  for (const text of ["-1", "abc", "Infinity", "1 2", "NaN"]) assert.equal(parseNumber(text), undefined);
});

const WORDS = {
  first: "first", same: "same", worse: "worse by {size}", better: "better by {size}", number: "n", token: "token",
  difference: "d", loss: "loss", probability: "p", rank: "rank", best: "best", best_probability: "bp", dense: "dense",
  pruned: "pruned" };
const SIDE = { loss: 0, rank: 1, best: "x", best_probability: 0.5 };

test("a token's verdict has the sign of its difference, and none where it rounds to zero", () => {
  const token = (difference) => ({ text: "", difference, dense: SIDE, pruned: SIDE });
  assert.deepEqual([1.234, -0.5, 0.004].map((size) => describeDifference(token(size), WORDS)), ["worse by 1.23", "better by 0.50", "same"]);
  assert.equal(describeDifference({ ...token(1), dense: null }, WORDS), "first");
});

test("a token's look grows with its difference up to the full colour, and a tiny one has none", () => {
  assert.deepEqual(chooseLook(0.01, 3), { worse: true, line: 0, percent: 0 });
  assert.deepEqual(chooseLook(-0.3, 3), { worse: false, line: 1, percent: 13 });
  assert.deepEqual(chooseLook(99, 3), { worse: true, line: 4, percent: 60 });
});

test("shares near none and all are not rounded to them, and blanks of a token can be seen", () => {
  assert.deepEqual([0, 0.0009, 0.5, 0.9996, 1].map(formatPercent), ["< 0.1 %", "< 0.1 %", "50.0 %", "> 99.9 %", "> 99.9 %"]);
  assert.deepEqual(["", " a", "a ", "a\n"].map(markBlanks), ["…", "␣a", "a␣", "a⏎"]);
});

test("every row of a strip's file has a cell for each column, also of the first token, which nobody predicted", () => {
  const found = makeRows([{ text: "a", difference: 0, dense: null, pruned: null }, { text: "b", difference: 1, dense: SIDE, pruned: SIDE }], WORDS);
  assert.deepEqual(found.map((row) => row.length), [13, 13, 13]);
  assert.deepEqual(found[1], [1, "a", "", ...Array(10).fill("")]);
  assert.deepEqual(found[2].slice(0, 5), [2, "b", 1, 0, 1]);
});

test("up and down on the strip lead to the nearest token of the nearest line", () => {
  const box = (left, line) => ({ left, top: line * 20, width: 10, height: 16 });
  const boxes = [box(0, 0), box(40, 0), box(0, 1), box(35, 1), box(40, 2)];
  assert.equal(findNearestAcross(boxes, 1, 1), 3);
  assert.equal(findNearestAcross(boxes, 3, -1), 1);
  assert.equal(findNearestAcross(boxes, 0, -1), 0);
});

test("an arrow on the map leads to the next cell that is there, over gaps, and stays at the edge", () => {
  const places = [[0, 0], [0, 2], [1, 2], [3, 0]].map(([block, column]) => ({ block, column }));
  assert.equal(findNextPlace(places, places[0], "ArrowRight"), places[1]);
  assert.equal(findNextPlace(places, places[0], "ArrowDown"), places[3]);
  assert.equal(findNextPlace(places, places[2], "ArrowUp"), places[1]);
  assert.equal(findNextPlace(places, places[0], "ArrowLeft"), undefined);
});

test("a clicked mark selects only by a whole number of its own", () => {
  assert.equal(readNumber({ points: [{ customdata: [4] }] }), 4);
  for (const points of [[], [{}], [{ customdata: [] }], [{ customdata: [1.5] }], [{ customdata: ["4"] }]])
    assert.equal(readNumber({ points }), null);
});

test("only the vertical arrows walk through the probes", () => {
  assert.deepEqual(["ArrowDown", "ArrowUp", "Enter", "toString"].map(chooseStep), [1, -1, 0, 0]);
});

test("what is saved of a chart is what it shows, with plain minus signs in tables", () => {
  const chart = { _fullData: [
    { name: "a", visible: true, x: [1, 2], y: [3, 4] }, { name: "b", visible: "legendonly", x: [1], y: [1] },
    { name: "c", visible: true, y: [1] }] };
  assert.deepEqual(readChart(chart), [["series", "x", "y"], ["a", 1, 3], ["a", 2, 4]]);
  assert.equal(cleanNumber(" −1\u202f234 "), "-1234");
});

test("a saved file is named by the page's own ids, never by Gradio's", () => {
  assert.equal(nameFile({ closest: () => ({ id: "prune-histogram" }) }, "csv"), "prune-histogram.csv");
  assert.equal(nameFile({ closest: () => ({ id: "component-12" }) }, "png"), "gblm-viz.png");
  assert.equal(nameFile({ closest: () => null }, "png"), "gblm-viz.png");
});

test("a line below a picture breaks between words, and anywhere in Japanese", () => {
  assert.deepEqual(splitAtBreaks("two words"), ["two ", "words"]);
  assert.deepEqual(splitAtBreaks("日本語"), ["日", "本", "語"]);
  assert.deepEqual(splitAtBreaks(""), []);
});

test("a gradient's colours are found in a computed style", () => {
  assert.deepEqual(readStops("linear-gradient(to right, rgb(0, 1, 2), rgba(3, 4, 5, 0.5))"), ["rgb(0, 1, 2)", "rgba(3, 4, 5, 0.5)"]);
  assert.deepEqual(readStops("none"), []);
});

test("a chart is described by its title, series and axes, without markup", () => {
  const layout = { title: { text: "<b>Cost</b>" }, xaxis: { title: { text: "sparsity" } } };
  assert.equal(describeChart(layout, [{ name: "Wanda" }, {}]), "Cost; Wanda; sparsity");
  assert.equal(describeChart({}, []), "");
});

test("a link hides parts by names of our own form, and nothing else gets into the style", () => {
  assert.equal(makeHidingRule("?hide=header,lost-strip"), "#header, #lost-strip { display: none !important; }");
  assert.equal(makeHidingRule("?hide=a,b%7Bcolor:red%7D,*"), "#a { display: none !important; }");
  assert.deepEqual(["", "?hide=", "?hide=A1"].map(makeHidingRule), ["", "", ""]);
});

test("a link hides a list by its name: tabs but for the open one, and nothing while the guide asks", () => {
  const lists = { simple: ["alpha", "tab-weight"] }, lead = ":root:not([data-guiding]) #";
  assert.equal(makeHidingRule("?hide=simple,seed", lists),
    "#seed, " + lead + "alpha, " + lead + 'tab-weight-button:not([aria-selected="true"]) { display: none !important; }');
  assert.deepEqual(findHiddenTabs("?hide=simple", lists), ["tab-weight"]);
  assert.equal(makeHidingRule("?hide=constructor", lists), "#constructor { display: none !important; }");
});

test("a link leads to the same place in the chosen language, with what was chosen and without what was not", () => {
  const here = "https://host/user/ann/en/?tab=prune&hide=class,alpha&guide=five&step=2&projector=1&lang=en", names = ["simple", "class"];
  const choice = readChoice(here, names, "en");
  assert.deepEqual(choice, { language: "en", preset: "class", text: "", apply: false, projector: true });
  assert.equal(makeLink(here, choice, names), "https://host/user/ann/en/?tab=prune&hide=class,alpha&guide=five&step=2&projector=1");
  const other = { language: "ja", preset: "", text: "chat_ja.txt", apply: true, projector: false };
  assert.equal(makeLink(here, other, names), "https://host/user/ann/ja/?tab=prune&hide=alpha&guide=five&step=2&text=chat_ja.txt&apply=1");
  assert.deepEqual(readChoice(makeLink(here, other, names), names, "ja"), other);
});

test("the address keeps the visitor's tab and what is hidden, unless the new one names its own", () => {
  assert.equal(mergeQuery("?seed=7", "?hide=header&row=1", "prune"), "seed=7&tab=prune&hide=header");
  assert.equal(mergeQuery("?tab=text", "?tab=weight", "prune"), "tab=text");
  assert.equal(mergeQuery("", "", undefined), "");
});

test("a slider's inputs have the page's names, and other inputs keep theirs", () => {
  const names = { "range slider for ": "%s（スライダー）" };
  assert.equal(translateName("range slider for $1", names), "$1（スライダー）");
  assert.equal(translateName("sparsity", names), null);
});

test("an upload tells the token, the answer's status where there is none, and 0 where the connection broke", async () => {
  const sent = [], file = { name: "ä".repeat(300), size: 7 };
  Object.assign(globalThis, {
    document: { baseURI: "http://x.invalid/en/" }, window: { sessionStorage: { getItem: () => "visit" } },
    fetch: async (url, options) => {
      sent.push([url.pathname, options.headers["X-Visit"], decodeURIComponent(options.headers["X-Name"]).length]);
      if (sent.length === 3) throw new TypeError("broken");
      return { status: sent.length === 1 ? 200 : 413, ok: sent.length === 1, json: async () => ({ token: "t" }) };
    } });
  const told = [await send(file), await send(file), await send(file)].map(({ status, token, size, name }) => [status, token, size, name.length]);
  assert.deepEqual(told, [[200, "t", 7, 200], [413, "", 7, 200], [0, "", 7, 200]]);
  assert.deepEqual(sent[0], ["/upload", "visit", 200]);
});

test("a link to a picture names it behind the panels it lies in, and nothing else is taken for one", () => {
  assert.deepEqual(readPlace("#columns/patterns-profile"), { panels: ["columns"], name: "patterns-profile" });
  assert.deepEqual(readPlace("#prune-histogram"), { panels: [], name: "prune-histogram" });
  assert.deepEqual(["", "#", "#A", "#a/", "#a'b", "#<b>"].map(readPlace), [null, null, null, null, null, null]);
});

test("a link to the computer itself is known to be of no use to others", () => {
  for (const own of ["http://127.0.0.1:7860/en/", "http://localhost/", "http://[::1]:80/"]) assert.equal(isLocal(own), true);
  for (const other of ["http://192.168.1.4:7860/", "https://example.org/127.0.0.1", "http://localhost.example.org/"]) assert.equal(isLocal(other), false);
});
