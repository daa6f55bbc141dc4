// Searching the page of all terms.

import assert from "node:assert/strict";
import test from "node:test";

import { rankTerm } from "../../gblm_viz/ui/door/glossary_search.js";

test("a term that is spelled as typed comes before one that begins so, has it inside, or speaks of it", () => {
  const ranks = [["mask", ["mask", "masks"], ""], ["mas", ["mask"], ""], ["ask", ["mask"], ""], ["ask", ["sparsity"], "share of weights that a mask removes"], ["xyz", ["mask"], "text"]];
  assert.deepEqual(ranks.map(([letters, names, text]) => rankTerm(letters, names, text)), [0, 1, 2, 3, 4]);
});
