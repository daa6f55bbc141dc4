// The story: cards, links, small pictures and the sentences that are copied.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { drawPicture } from "../../gblm_viz/ui/components/story/small_pictures.js";
import { holdTogether, start } from "../../gblm_viz/ui/components/story/story.js";
import { begin, openPage } from "./page.mjs";

beforeEach(openPage);

const COLOURS = { removed: "#E69F00", kept: "#0072B2" };
const TEMPLATE = `
div.story
  p.story-elsewhere
  div.story-overall
  ol.story-cards
  section.story-steps
    h3
    ol
  section.story-meeting
    h3
    ul
    h4
    ol
    p.story-copy
      button
      span[role=status]
`;
const CARD = { kind: "cost", question: "What did it cost?", number: "97 % → 69 %", sentences: ["One.", "Two."], limit: "A limit.", picture: null,
  links: [{ label: "Go", to: "compare", tab: "compare", panels: [] }], verdicts: [{ text: "Too few to tell.", mark: "few" }], warning: "" };
const MEETING = { title: "For the meeting", sentences: ["<b>First.</b>", "Second."], plan_title: "A pilot", plan: ["Choose."], copy: "Copy", copied: "Copied.", not_copied: "Press Ctrl+C." };
const VALUE = { cards: [CARD, { ...CARD, kind: "text", number: "", verdicts: [], warning: "It does not understand." }], steps_title: "Steps",
  steps: [{ label: "1. Text", to: "text", tab: "", panels: [] }], meeting: MEETING, overall: { text: "Outside your limits.", mark: "outside" } };
const NOTHING = { described: "what it shows", dots: null, bars: [], lines: [], at: null, x: "removed", y: "right" };

/** Return all elements of a tag below an element. */
const all = (element, tag) => element.childNodes.flatMap((one) => (one.tagName ? [...(one.tagName === tag.toUpperCase() ? [one] : []), ...all(one, tag)] : []));

test("a hundred dots, as many of them removed as there are percent, are described in words", () => {
  const svg = drawPicture({ ...NOTHING, dots: 37 }, COLOURS, 13), dots = all(svg, "circle");
  assert.equal(svg.getAttribute("aria-label"), "what it shows");
  assert.equal(dots.length, 100);
  assert.equal(dots.filter((one) => one.getAttribute("class") === "story-removed").length, 37);
});

test("a bar is as long as its share, with its name and number, and never longer than the picture", () => {
  const bars = [{ label: "a", text: "50 %", share: 0.5, colour: "kept" }, { label: "b", text: "200 %", share: 2, colour: "removed" }];
  const svg = drawPicture({ ...NOTHING, bars }, COLOURS, 13), [half, whole] = all(svg, "rect").map((one) => Number(one.getAttribute("width")));
  assert.equal(half * 2, whole);
  assert.deepEqual(all(svg, "text").map((one) => one.textContent), ["a", "50 %", "b", "200 %"]);
  assert.equal(all(svg, "rect")[1].getAttribute("fill"), COLOURS.removed);
});

test("a line goes from the upper left to the lower right, and the run stands where it is", () => {
  const lines = [{ label: "a", points: [[0, 1], [1, 0]], colour: "kept", dash: "2 3" }];
  const svg = drawPicture({ ...NOTHING, lines, at: 0.5 }, COLOURS, 13), [, at, line] = all(svg, "path");
  const [x1, y1, x2, y2] = line.getAttribute("d").match(/[\d.]+/g).map(Number);
  assert.ok(x1 < x2 && y1 < y2);
  assert.equal(Number(at.getAttribute("d").match(/[\d.]+/)[0]), (x1 + x2) / 2);
  assert.equal(line.getAttribute("stroke-dasharray"), "2 3");
});

test("a card has its question, number, sentences, verdict with a mark, limit, and links that are heard", () => {
  const story = begin(start, TEMPLATE, { config: { colours: COLOURS, letters: { fine: 13 } }, value: VALUE }), [first, second] = all(story.element, "li");
  assert.equal(story.element.querySelector(".story-overall").textContent, "× Outside your limits.");
  assert.equal(first.textContent, "What did it cost?97\u00a0% →\u00a069\u00a0%One.Two.? Too few to tell.A limit.Go");
  assert.ok(second.textContent.includes("⚠ It does not understand."));
  assert.ok(!second.textContent.includes("Too few"));
  for (const button of all(story.element, "button").slice(0, 3)) button.click();
  assert.deepEqual(story.sent, [["select", { to: "compare" }], ["select", { to: "compare" }], ["select", { to: "text" }]]);
  story.set(null);
  assert.equal(story.element.querySelector(".story-cards").childNodes.length, 0);
  assert.equal(story.element.querySelector(".story-overall").textContent, "");
  assert.equal(story.element.querySelector(".story-steps").hidden, true);
  assert.equal(story.element.querySelector(".story-meeting").hidden, true);
});

test("no line ends between a number and its unit", () => {
  assert.equal(holdTogether("97 % → 69 % (95 % interval 1 to 2), 1,200 問"), "97\u00a0% →\u00a069\u00a0% (95\u00a0% interval 1 to 2), 1,200\u00a0問");
});

test("the sentences are copied as text, and where that is not allowed they are selected, and it is said", async () => {
  const written = [], chosen = [];
  let allowed = true;
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { clipboard: { writeText: async (text) => {
    if (!allowed) throw new Error("not allowed");
    written.push(text);
  } } } });
  globalThis.getSelection = () => ({ selectAllChildren: (one) => chosen.push(one.tagName) });
  const { element } = begin(start, TEMPLATE, { config: { colours: COLOURS, letters: { fine: 13 } }, value: VALUE });
  const button = element.querySelector(".story-copy button"), said = element.querySelector("[role=status]");
  button.click();
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(written, ["For the meeting\n- <b>First.</b>\n- Second.\n\nA pilot\n1. Choose."]);
  assert.equal(said.textContent, "Copied.");
  allowed = false;
  button.click();
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(chosen, ["SECTION"]);
  assert.equal(said.textContent, "Press Ctrl+C.");
});

test("it is said above all cards where the slider stands elsewhere, as long as it does", () => {
  const { element, set } = begin(start, TEMPLATE, { config: { colours: COLOURS, letters: { fine: 13 } } });
  set(VALUE);
  const warning = element.querySelector(".story-elsewhere"), tell = (told) => document.send("slider-elsewhere", { detail: { told } });
  tell("The slider stands at 30 %.");
  set({ ...VALUE }); // drawn anew
  assert.deepEqual([warning.hidden, warning.textContent], [false, "⚠ The slider stands at 30 %."]);
  tell("");
  assert.equal(warning.hidden, true);
});
