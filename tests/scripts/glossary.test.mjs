// Which terms are found in a text, where they are marked, and where the card goes.

import assert from "node:assert/strict";
import test, { beforeEach } from "node:test";

import { findPlace } from "../../gblm_viz/ui/components/glossary/card.js";
import { makeFinder } from "../../gblm_viz/ui/components/glossary/finding.js";
import { findMarks, markTerms } from "../../gblm_viz/ui/components/glossary/marking.js";
import { openPage } from "./page.mjs";

const TERMS = Object.entries({
  mask: "mask|masks", gradient: "gradient|gradients", l1: "ℓ1|ℓ1 gradient", two_four: "2:4", z: "z", alpha: "α", kl: "KL", wanda: "Wanda|Wanda's",
  tab: "prune", query: "attention query (q)", matrix: "行列", mask_ja: "マスク", agreement: "一致|一致率", band: "帯", wanda_ja: "Wanda のマスク", key: "キー",
}).map(([id, spellings]) => ({ id, spellings: spellings.split("|") }));
const findTerms = makeFinder(TERMS);

/** Return [term, the letters it was found by] of a text. */
const find = (text) => findTerms(text).map(({ start, end, id }) => [id, text.slice(start, end)]);

beforeEach(() => { openPage(); });

/** Add to an element: a text, or [selector of a simple element, what is in it …]. */
function fill(element, ...parts) {
  for (const part of parts) {
    if (typeof part === "string") element.append(part);
    else {
      const [kind, ...inside] = part, [, tag, id, classes, attribute, value] = /^(\w+)(?:#([\w-]+))?([.\w-]*)(?:\[([\w-]+)=([^\]]*)\])?$/.exec(kind);
      const made = document.createElement(tag);
      made.className = classes.replaceAll(".", " ").trim();
      if (id) made.setAttribute("id", id);
      if (attribute) made.setAttribute(attribute, value);
      element.append(fill(made, ...inside));
    }
  }
  return element;
}

/** Mark a page of these parts; return it and its marks as [term, letters]. */
function mark(...parts) {
  const root = fill(document.createElement("div"), ...parts);
  document.body.append(root);
  markTerms(root, findTerms);
  return { root, marks: findMarks(root).map((one) => [one.dataset.term, one.textContent]) };
}

test("the longest spelling is found, whole words only, and none inside another one", () => {
  assert.deepEqual(find("The ℓ1 gradient of the masks, the mask's α·g."), [["l1", "ℓ1 gradient"], ["mask", "masks"], ["mask", "mask"], ["alpha", "α"]]);
  assert.deepEqual(find("unmask maskable gradients2 2:4 12:4 2:45 zoo z"), [["two_four", "2:4"], ["z", "z"]]);
  assert.deepEqual(find("Wanda's and Wanda"), [["wanda", "Wanda's"], ["wanda", "Wanda"]]);
});

test("names of files and tensors are no terms", () => {
  assert.deepEqual(find("mask.txt, gradient/x, my-mask, mask_2, the mask. The mask"), [["mask", "mask"], ["mask", "mask"]]);
});

test("a capital is a term where a sentence begins, and a name elsewhere; a spelling of capitals is only itself", () => {
  assert.deepEqual(find("Masks go. Gradient (Mask): on the Prune tab, Prune. kl KL wanda Z"),
    [["mask", "Masks"], ["gradient", "Gradient"], ["mask", "Mask"], ["kl", "KL"]]);
  assert.deepEqual(find("● Prune"), [["tab", "Prune"]]);
});

test("Japanese needs no spaces, and its words end where their letters do", () => {
  assert.deepEqual(find("この行列のマスクはWandaと一致率が同じで、KLは帯の外です。"),
    [["matrix", "行列"], ["mask_ja", "マスク"], ["wanda", "Wanda"], ["agreement", "一致率"], ["kl", "KL"], ["band", "帯"]]);
  assert.deepEqual(find("マスクド、デマスク、スキー、キーマー、不一致、周波数帯域、Wanda のマスク"), [["wanda_ja", "Wanda のマスク"]]);
});

test("nothing is found without terms", () => {
  assert.deepEqual(makeFinder([])("mask"), []);
  assert.deepEqual(makeFinder([{ id: "x", spellings: [""] }])("mask"), []);
});

test("the first of each term in a panel is marked, and those of the panels around it count", () => {
  const { marks, root } = mark(["p", "A mask, a gradient and a mask."], ["p", "The gradients again."], ["div[role=tabpanel]", ["p", "mask, α"]], ["div[role=tabpanel]", ["p", "α, z"]]);
  assert.deepEqual(marks, [["mask", "mask"], ["gradient", "gradient"], ["alpha", "α"], ["alpha", "α"], ["z", "z"]]);
  assert.equal(root.textContent, "A mask, a gradient and a mask.The gradients again.mask, αα, z");
});

test("marking again adds nothing; a term whose mark is gone is marked where it stands next", () => {
  const { root } = mark(["p", "A mask."], ["p", "The mask again."]);
  markTerms(root, findTerms);
  assert.equal(findMarks(root).length, 1);
  root.children[0].textContent = "Nothing.";
  markTerms(root, findTerms);
  assert.deepEqual(findMarks(root).map((one) => one.parentElement), [root.children[1]]);
});

test("nothing is marked in what is pressed, typed, drawn or written by somebody else, nor in what is no sentence", () => {
  const kinds = ["button", "a", "input", "textarea", "code", "svg", "canvas", "span.tag.quoted", "div.chat", "div.said", "div#prune-tag", "div.token-bars", "p.model-map-reading",
    "div#lost-window", "span[role=img]", "span[aria-hidden=true]", "span[hidden=]"];
  for (const kind of kinds) assert.deepEqual(mark(["p", [kind, "mask"]]).marks, [], kind);
  assert.deepEqual(mark(["div", "mask"], ["td", "mask"]).marks, []);
  for (const kind of ["p", "th", "span[data-testid=block-info]", "div.info-text", "div.limit"]) assert.deepEqual(mark([kind, "mask"]).marks, [["mask", "mask"]], kind);
});

test("the name of a text that a visitor chose is not marked, what stands before it is", () => {
  const { marks } = mark(["p.compare-summary", "The mask (gradient and α): "], ["div#compare-measured", ["td", "α: z"]]);
  assert.deepEqual(marks, [["mask", "mask"], ["alpha", "α"]]);
});

test("the text that stood there stays the first piece, and a text in a row of boxes is left alone", () => {
  const paragraph = fill(document.createElement("p"), "A mask and z"), [first] = paragraph.childNodes;
  markTerms(paragraph, findTerms);
  assert.equal(paragraph.childNodes[0], first);
  assert.deepEqual(paragraph.childNodes.map((one) => one.textContent), ["A ", "mask", " and ", "z"]);
  const row = fill(document.createElement("p"), "A mask");
  row.style.display = "flex";
  markTerms(row, findTerms);
  assert.equal(findMarks(row).length, 0);
});

test("a mark is a button that Tab passes by, and a head of the model map is marked by its title", () => {
  const { root, marks } = mark(["p", "mask"], ["span.head[title=attention query (q)]", "q"], ["span.head[title=mask of something]", "m"]);
  assert.deepEqual(marks, [["mask", "mask"], ["query", "q"]]);
  const [word, head] = findMarks(root);
  assert.deepEqual([word.getAttribute("role"), word.tabIndex, word.getAttribute("aria-haspopup")], ["button", -1, "dialog"]);
  assert.deepEqual([head.getAttribute("aria-label"), head.getAttribute("title"), head.classList.contains("head")], ["attention query (q)", null, true]);
});

test("the card goes below its word, above it where there is no room, and stays within the window", () => {
  const seen = { width: 1280, height: 720 }, box = { width: 350, height: 150 };
  assert.deepEqual(findPlace({ left: 100, top: 200, bottom: 220 }, box, seen), { left: 100, top: 226 });
  assert.deepEqual(findPlace({ left: 1200, top: 600, bottom: 620 }, box, seen), { left: 922, top: 444 });
  assert.deepEqual(findPlace({ left: -5, top: 50, bottom: 70 }, { width: 350, height: 700 }, seen), { left: 8, top: 76 });
});
