// A chart as a canvas. Plotly draws it as a few SVG pictures, one on the other.

import { makeCanvas } from "./paper.js";

/**
 * @param {HTMLElement} chart
 * @param {import("../shared/gradio.js").Letters} letters
 */
export async function drawChart(chart, letters) {
  const box = chart.getBoundingClientRect(), { canvas, paint } = makeCanvas(chart, letters);
  for (const layer of chart.querySelectorAll("svg.main-svg")) {
    const copy = /** @type {SVGElement} */ (layer.cloneNode(true)), image = new Image();
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.style.background = "none";
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(new XMLSerializer().serializeToString(copy));
    await image.decode();
    paint.drawImage(image, 0, 0, box.width, box.height);
  }
  return canvas;
}
