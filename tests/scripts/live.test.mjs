// How long the live mask waits for a control to come to rest.

import assert from "node:assert/strict";
import test from "node:test";

import { chooseRest } from "../../gblm_viz/ui/components/matrix_view/live.js";

test("a typed number is waited for shorter than a slider, and an empty box as long", () => {
  const wait = (type, value) => chooseRest({ type, value });
  assert.ok(wait("number", "0.61") < wait("range", "0.61"));
  assert.equal(wait("number", ""), wait("range", "0.61"));
});
