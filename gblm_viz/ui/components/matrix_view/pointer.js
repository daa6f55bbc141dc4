// Pointer and wheel on the canvas: reading, dragging, pinning, zooming.

import { findBlock } from "./block.js";
import { sendEcho } from "./echo.js";
import { zoomTo } from "./moving.js";
import { pinBlock } from "./pin.js";
import { readPointer } from "./reading.js";
import { hasPicture, isReady } from "./requests.js";

/** @typedef {import("./types.js").View} View */

const FAR = 4; // pixels of the page from which on a press is a drag
const DOUBLE_CLICK = 2.5, WHEEL_DOUBLES = 133, MOST_TURNED = 400;
const UNITS = [1, 40, 400]; // pixels in a unit of the wheel: pixels, lines, pages

/**
 * Return the place of an event on the canvas.
 * @param {View} view
 * @param {MouseEvent} event
 */
function findPoint({ canvas, port }, event) {
  const box = canvas.getBoundingClientRect();
  return { x: (event.clientX - box.left) * port.width / box.width, y: (event.clientY - box.top) * port.height / box.height };
}

/** @param {View} view */
export function listenToPointer(view) {
  const { canvas } = view;
  canvas.addEventListener("pointerdown", (event) => press(view, event));
  canvas.addEventListener("pointermove", (event) => move(view, event));
  canvas.addEventListener("pointerup", (event) => release(view, event, false));
  canvas.addEventListener("pointercancel", (event) => release(view, event, true));
  canvas.addEventListener("pointerleave", () => leave(view));
  canvas.addEventListener("dblclick", (event) => {
    if (!isReady(view)) return;
    event.preventDefault();
    const at = findPoint(view, event);
    zoomTo(view, view.port.scale * DOUBLE_CLICK, at.x, at.y);
  });
  canvas.addEventListener("wheel", (event) => {
    const turned = event.deltaY * UNITS[event.deltaMode];
    if (!isReady(view) || (turned > 0 && view.port.fitted)) return; // nothing more to zoom out of: let the page scroll
    event.preventDefault();
    const at = view.pointer = findPoint(view, event);
    zoomTo(view, view.port.wish * computeZoom(turned), at.x, at.y);
  }, { passive: false });
}

/**
 * Return by how much a turn of the wheel, in pixels, zooms.
 * @param {number} turned
 */
export function computeZoom(turned) {
  return 2 ** (-Math.max(-MOST_TURNED, Math.min(MOST_TURNED, turned)) / WHEEL_DOUBLES);
}

/**
 * @param {View} view
 * @param {PointerEvent} event
 */
function press(view, event) {
  if (event.button !== 0 || !isReady(view)) return;
  view.canvas.focus({ preventScroll: true });
  view.drag = { ...findPoint(view, event), left: view.port.left, top: view.port.top, far: false };
  view.canvas.setPointerCapture(event.pointerId);
}

/**
 * @param {View} view
 * @param {PointerEvent} event
 */
function move(view, event) {
  if (!isReady(view)) return;
  const { drag, port } = view, at = view.pointer = findPoint(view, event);
  view.parts.hover.setAttribute("aria-live", "off");
  if (!drag) {
    readPointer(view);
    view.drawSoon();
    sendEcho(view);
    return;
  }
  if (!drag.far && Math.hypot(at.x - drag.x, at.y - drag.y) < FAR * port.ratio) return;
  drag.far = true;
  view.canvas.classList.add("dragging");
  port.left = drag.left + at.x - drag.x;
  port.top = drag.top + at.y - drag.y;
  view.applyMove();
}

/**
 * @param {View} view
 * @param {PointerEvent} event
 * @param {boolean} cancelled
 */
function release(view, event, cancelled) {
  const { drag, pin } = view;
  if (!drag) return;
  view.drag = null;
  view.canvas.classList.remove("dragging");
  view.pointer = findPoint(view, event);
  const block = findBlock(view), same = block && pin?.row === block.exactRow && pin.column === block.exactColumn;
  if (!drag.far && !cancelled && block && !same && hasPicture(view)) pinBlock(view, block);
  readPointer(view);
}

/** @param {View} view */
function leave(view) {
  if (view.drag) return;
  view.pointer = null;
  sendEcho(view);
  readPointer(view);
  view.drawSoon();
}
