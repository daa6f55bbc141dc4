// The whole matrix in a corner, with a box around what is in sight.

import { findVisible } from "./port.js";

const LARGEST = { width: 130, height: 90 }, SMALLEST = 8, MARGIN = 8, SMALLEST_BOX = 4; // pixels of the page

/** @param {import("./types.js").ShownView} view */
export function drawMinimap({ brush, port, value, tile, overview, hatching, theme }) {
  if (port.fitted || !tile || !overview || overview.field !== tile.field || overview.version !== tile.version) return;
  const { ratio } = port, map = placeMinimap(port, value);
  brush.save();
  if (hatching) brush.fillStyle = hatching;
  brush.fillRect(map.x, map.y, map.width, map.height);
  brush.beginPath();
  brush.rect(map.x, map.y, map.width, map.height);
  brush.clip();
  brush.imageSmoothingEnabled = true;
  brush.drawImage(overview.picture, map.x, map.y, overview.width * overview.step * map.width / value.columns,
    overview.height * overview.step * map.height / value.rows);
  brush.restore();
  brush.lineWidth = ratio;
  brush.strokeStyle = theme ? theme.text : "";
  brush.strokeRect(map.x - 0.5, map.y - 0.5, map.width + 1, map.height + 1);
  for (const [wide, colour] of /** @type {[number, string][]} */ ([[3, "#ffffff"], [1.5, "#000000"]])) {
    brush.lineWidth = wide * ratio;
    brush.strokeStyle = colour;
    brush.strokeRect(map.seen.x, map.seen.y, map.seen.width, map.seen.height);
  }
}

/**
 * Return where the map lies on the canvas, and the box of what is in sight.
 * @param {import("./types.js").Port} port
 * @param {import("./types.js").Shape} shape
 */
export function placeMinimap(port, shape) {
  const { ratio } = port, seen = findVisible(port, shape);
  const room = Math.min(LARGEST.width * ratio / shape.columns, LARGEST.height * ratio / shape.rows);
  const width = Math.max(SMALLEST * ratio, shape.columns * room), height = Math.max(SMALLEST * ratio, shape.rows * room);
  const x = port.width - width - MARGIN * ratio, y = port.height - height - MARGIN * ratio;
  const wide = Math.max(SMALLEST_BOX * ratio, seen.columns * width / shape.columns);
  const tall = Math.max(SMALLEST_BOX * ratio, seen.rows * height / shape.rows);
  return { x, y, width, height, seen: {
    x: Math.min(x + width - wide, x + seen.column * width / shape.columns),
    y: Math.min(y + height - tall, y + seen.row * height / shape.rows), width: wide, height: tall } };
}
