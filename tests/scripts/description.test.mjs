// Gradio's page watches plain objects alone.

import assert from "node:assert/strict";
import test from "node:test";

import { makePlain, start } from "../../gblm_viz/ui/components/description.js";

const isPlain = (one) => [Object.prototype, Array.prototype].includes(Object.getPrototypeOf(one));

test("components and listeners are read as before, and are no plain objects", () => {
  const description = { components: [{ id: 1, props: { value: 2 } }], dependencies: [{ id: 3, targets: [[1, "click"]] }], layout: {} };
  const before = JSON.stringify(description);
  makePlain(description);
  assert.equal(JSON.stringify(description), before);
  assert.deepEqual({ ...description.components[0] }, { id: 1, props: { value: 2 } });
  assert.equal([...description.components, ...description.dependencies].some(isPlain), false);
  makePlain({});
});

test("the page's description is taken when the page says it", () => {
  globalThis.window = globalThis;
  start();
  assert.equal(globalThis.gradio_config, undefined);
  globalThis.gradio_config = { components: [{ id: 1 }], dependencies: [] };
  assert.equal(globalThis.gradio_config.components[0].id, 1);
  assert.equal(isPlain(globalThis.gradio_config.components[0]), false);
});
