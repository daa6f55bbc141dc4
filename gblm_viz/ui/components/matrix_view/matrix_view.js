// Draws one matrix on a canvas from tiles that the server pools, and lets it be zoomed, read and pointed at.
// Knows no model, no method and no language: shape, fields and every word come in props.value.

import { find, growTall } from "../shared/dom.js";
import { listenToStrips } from "./beside.js";
import { listCells } from "./cells.js";
import { makePalette } from "./colours.js";
import { listenToEchoes } from "./echo.js";
import { listenToKeys } from "./keys.js";
import { chooseStep } from "./ladder.js";
import { drawLegend } from "./legend.js";
import { listenToControls } from "./live.js";
import { isFitted } from "./moving.js";
import { accept, acceptSize } from "./outside.js";
import { draw } from "./painting.js";
import { describePin } from "./pin.js";
import { listenToPointer } from "./pointer.js";
import { clampPort, findVisible, makePort } from "./port.js";
import { readPointer } from "./reading.js";
import { hasPicture, requestProfile, requestTiles, showState } from "./requests.js";
import { listenToTools } from "./tools.js";

/**
 * @typedef {import("./types.js").View} View
 * @typedef {import("./types.js").ShownView} ShownView
 * @typedef {{ height?: number, sliders?: string[] }} Others
 * @typedef {import("../shared/gradio.js").Gradio<import("./types.js").Value, Others, import("./types.js").Server>} Gradio
 * @typedef {import("../shared/gradio.js").Config & { csv: import("../shared/csv.js").Rule }} Config
 */

const HEIGHT = 420, LINES = 130; // pixels: of the view, and of the lines above and below the canvas if none of them wraps

/**
 * @param {Gradio} gradio
 * @param {Config} config
 */
export function start(gradio, config) {
  const { element, props, watch } = gradio, view = makeView(gradio, config);
  listenToPointer(view);
  listenToKeys(view);
  listenToStrips(view);
  listenToTools(view);
  listenToControls(view);
  listenToEchoes(view);
  // where a line wraps the view grows and the canvas stays as it is
  view.parts.stage.style.height = growTall((props.height || HEIGHT) - LINES);
  const themes = new MutationObserver(() => {
    view.theme = null;
    view.drawSoon();
  });
  const sizes = new ResizeObserver(() => {
    if (element.isConnected) {
      acceptSize(view);
      return;
    }
    sizes.disconnect();
    themes.disconnect();
  });
  sizes.observe(view.canvas);
  themes.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  watch("value", () => accept(view, props.value));
  accept(view, props.value);
  acceptSize(view);
}

/**
 * @param {Gradio} gradio
 * @param {Config} config
 * @returns {View}
 */
function makeView({ element, props, trigger, server }, { colours, letters, csv }) {
  const root = find(element, ".matrix-view");
  /** @type {HTMLCanvasElement} */
  const canvas = find(root, ".matrix-canvas");
  /** @type {View} */
  const view = {
    element, root, canvas, csv, letters, server, trigger,
    brush: /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false })),
    parts: findParts(root), palette: makePalette(colours), sliders: props.sliders || [],
    port: makePort(), value: null, field: null, words: {},
    tile: null, overview: null, flying: false, failed: false,
    pointer: null, drag: null, pin: null, pinText: "", pinAsked: 0,
    probe: { of: "", numbers: null, timer: 0 }, echo: null, profile: null, profileAsked: "",
    frame: 0, theme: null, hatching: null, legendOf: "",
    live: null, heard: null, resting: 0, announcing: 0,
    applyMove: () => { if (hasPicture(view)) applyMove(view); },
    redraw: () => {
      view.drawSoon();
      drawLegend(view);
    },
    finish: () => { if (hasPicture(view)) finishPicture(view); },
    drawSoon: () => { view.frame ||= requestAnimationFrame(() => drawNow(view)); },
  };
  return view;
}

/**
 * @param {HTMLElement} root
 * @returns {import("./types.js").Parts}
 */
function findParts(root) {
  /** @param {string} name */
  const findPart = (name) => find(root, ".matrix-" + name);
  return {
    title: findPart("title"), fields: findPart("fields"), stage: findPart("stage"), message: findPart("message"), hover: findPart("hover"),
    pinned: findPart("pinned"), legend: findPart("legend"), cells: findPart("cells"), goto: find(root, ".matrix-goto"),
    columns: find(root, ".matrix-columns"), rows: find(root, ".matrix-rows"),
  };
}

/** @param {View} view */
function drawNow(view) {
  cancelAnimationFrame(view.frame);
  view.frame = 0;
  draw(view);
}

/** @param {ShownView} view */
function applyMove(view) {
  const { port, root, value } = view;
  port.anchor = null;
  clampPort(port, value);
  port.fitted = isFitted(view);
  view.canvas.style.touchAction = port.fitted ? "auto" : "none";
  const seen = findVisible(port, value), step = chooseStep(port.scale);
  root.dataset.view = [seen.row, seen.column, seen.rows, seen.columns].join(",");
  root.dataset.weightsPerPixel = String(step * step);
  root.dataset.scale = String(port.scale);
  root.dataset.corner = port.left + "," + port.top;
  requestTiles(view);
  view.redraw();
  readPointer(view);
}

/** @param {ShownView} view */
function finishPicture(view) {
  drawNow(view);
  drawLegend(view);
  listCells(view);
  requestProfile(view);
  if (view.live && view.pin) describePin(view, false);
  showState(view, "ready", "");
  readPointer(view);
}
