// Draws blocks × roles as a grid of buttons, and tells which matrix was chosen.
// Knows no measure and no language: every colour and every word comes in props.value.

import { append, find, growTall } from "../shared/dom.js";
import { findNextPlace, isArrow } from "./walking.js";

/**
 * @typedef {object} Cell one matrix
 * @property {string} name
 * @property {number} block
 * @property {string} role
 * @property {string} mark
 * @property {string} label
 * @property {string} text
 * @property {number | null} value
 * @property {string | null} colour none where there is no number
 * @property {string} ink
 *
 * @typedef {object} Value
 * @property {string} title
 * @property {string} note
 * @property {string} [hint]
 * @property {string} corner
 * @property {number} blocks
 * @property {{ id: string, label: string, title: string }[]} roles
 * @property {Cell[]} [cells]
 * @property {string} [selected]
 * @property {boolean} [stale]
 * @property {{ lo: string, hi: string, colours: string[], words: string[], gap: string } | null} [legend]
 *
 * @typedef {{ button: HTMLButtonElement, cell: Cell, block: number, column: number }} Drawn
 *
 * @typedef {object} MapView
 * @property {HTMLElement} root
 * @property {HTMLElement} grid
 * @property {Value | null} value
 * @property {Drawn[]} drawn
 * @property {string} chosen
 * @property {(name: string) => void} select
 */

const SMALLEST_LABEL = 17, HEIGHT = 340; // pixels

/** @param {import("../shared/gradio.js").Gradio<Value, { height?: number }>} gradio */
export function start({ element, props, trigger, watch }) {
  const root = find(element, ".model-map"), grid = find(root, ".model-map-grid");
  /** @type {MapView} */
  const map = { root, grid, value: null, drawn: [], chosen: "", select: (name) => trigger("select", { name }) };
  const accept = () => show(map, props.value || null, props.height || HEIGHT);
  grid.addEventListener("keydown", (event) => moveFocus(map, event));
  watch("value", accept);
  accept();
}

/**
 * @param {MapView} map
 * @param {Value | null} value
 * @param {number} height
 */
function show(map, value, height) {
  const { root, grid } = map, cells = value?.cells || [];
  map.value = value;
  root.dataset.state = cells.length ? "shown" : "empty";
  find(root, ".model-map-title").textContent = value ? value.title : "";
  find(root, ".model-map-note").textContent = value ? value.note : "";
  if (value && cells.length) {
    draw(map, value, cells, height);
    drawLegend(find(root, ".model-map-legend"), value);
  } else {
    grid.textContent = "";
    map.drawn = [];
  }
  root.classList.toggle("stale", Boolean(value && value.stale));
}

/**
 * @param {MapView} map
 * @param {Value} value
 * @param {Cell[]} cells
 * @param {number} height
 */
function draw(map, value, cells, height) {
  const focused = map.drawn.find((one) => one.button === document.activeElement);
  const places = drawGrid(map.grid, value, height);
  map.drawn = [];
  for (const cell of cells) {
    const place = places.get(cell.block + "/" + cell.role);
    if (place) map.drawn.push(drawCell(map, value, cell, place));
  }
  chooseCell(map, value.selected || "");
  const again = focused && map.drawn.find((one) => one.cell.name === focused.cell.name);
  if (again) again.button.focus({ preventScroll: true });
}

/**
 * Draw the empty grid; return its places by block/role.
 * @param {HTMLElement} grid
 * @param {Value} value
 * @param {number} height
 */
function drawGrid(grid, value, height) {
  const rowHeight = Math.max(12, Math.floor((height - 22) / Math.max(1, value.blocks)) - 2), whole = growTall(height);
  const row = "calc((" + whole + " - 22px) / " + Math.max(1, value.blocks) + " - 2px)";
  grid.textContent = "";
  grid.style.maxHeight = "calc(1rem + " + whole + ")";
  grid.style.gridTemplateColumns = "max-content repeat(" + value.roles.length + ", minmax(28px, 1fr))";
  grid.style.gridTemplateRows = "auto repeat(" + value.blocks + ", max(12px, min(" + row + ", 5rem)))";
  grid.classList.toggle("small", rowHeight < SMALLEST_LABEL);
  grid.setAttribute("aria-label", value.title);
  append(grid, "span", "side", value.corner);
  for (const role of value.roles) append(grid, "span", "head", role.label).title = role.title;
  const places = new Map();
  for (let block = 0; block < value.blocks; block++) {
    append(grid, "span", "side", String(block));
    for (const role of value.roles) places.set(block + "/" + role.id, append(grid, "span", "model-map-place"));
  }
  return places;
}

/**
 * @param {MapView} map
 * @param {Value} value
 * @param {Cell} cell
 * @param {HTMLElement} place
 * @returns {Drawn}
 */
function drawCell(map, value, cell, place) {
  const button = append(place, "button", cell.colour ? "" : "gap", cell.mark + cell.label);
  button.type = "button";
  button.setAttribute("aria-label", cell.text);
  button.dataset.name = cell.name;
  button.dataset.value = cell.value === null ? "" : String(cell.value);
  if (cell.colour) {
    button.style.background = cell.colour;
    button.style.color = cell.ink;
  }
  button.addEventListener("click", () => {
    chooseCell(map, cell.name);
    map.select(cell.name);
  });
  for (const [begin, end] of [["pointerenter", "pointerleave"], ["focus", "blur"]]) {
    button.addEventListener(begin, () => {
      showReading(map, cell);
      markElsewhere(map, cell.name, true);
    });
    button.addEventListener(end, () => {
      showReading(map, null);
      markElsewhere(map, cell.name, false);
    });
  }
  return { button, cell, block: cell.block, column: value.roles.findIndex((role) => role.id === cell.role) };
}

/**
 * @param {MapView} map
 * @param {string} name
 */
function chooseCell(map, name) {
  const { drawn } = map;
  map.chosen = name;
  for (const { button, cell } of drawn) {
    button.setAttribute("aria-pressed", String(cell.name === name));
    button.tabIndex = cell.name === name ? 0 : -1;
  }
  if (drawn.length && !drawn.some(({ cell }) => cell.name === name)) drawn[0].button.tabIndex = 0;
  showReading(map, null);
}

/**
 * Write out what a cell says; without one what the chosen cell says, or else how to use the map.
 * @param {MapView} map
 * @param {Cell | null} cell
 */
function showReading({ root, value, chosen }, cell) {
  const shown = cell || value?.cells?.find((one) => one.name === chosen);
  find(root, ".model-map-reading").textContent = shown ? shown.text : value?.hint || "";
}

/**
 * Mark the same matrix on the other maps in sight.
 * @param {MapView} map
 * @param {string} name
 * @param {boolean} on
 */
function markElsewhere({ grid }, name, on) {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".model-map-grid button")))
    if (button.dataset.name === name && !grid.contains(button)) button.classList.toggle("echo", on);
}

/**
 * @param {HTMLElement} place
 * @param {Value} value
 */
function drawLegend(place, { legend, cells }) {
  place.textContent = "";
  if (!legend) return;
  const scale = append(place, "span", "scale");
  append(scale, "span", "", legend.lo);
  append(scale, "span", "bar").style.background = "linear-gradient(to right, " + legend.colours.join(", ") + ")";
  append(scale, "span", "", legend.hi);
  for (const words of legend.words) append(place, "span", "", words);
  if (!cells?.some((cell) => !cell.colour)) return;
  const gap = append(place, "span");
  append(gap, "span", "gap");
  gap.append(document.createTextNode(legend.gap));
}

/**
 * @param {MapView} map
 * @param {KeyboardEvent} event
 */
function moveFocus({ drawn }, event) {
  const here = drawn.find((one) => one.button === document.activeElement);
  if (!isArrow(event.key) || !here) return;
  event.preventDefault();
  event.stopPropagation();
  const next = findNextPlace(drawn, here, event.key);
  if (!next) return;
  here.button.tabIndex = -1;
  next.button.tabIndex = 0;
  next.button.focus();
}
