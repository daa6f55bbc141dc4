// Small pictures as SVG: a hundred dots, bars, or lines. Colours are names of the one table; each has a mark besides.

/**
 * @typedef {{ label: string, text: string, share: number, colour: string }} Bar
 * @typedef {{ label: string, points: [number, number][], colour: string, dash: string }} Line
 * @typedef {object} Picture
 * @property {string} described
 * @property {number | null} dots
 * @property {Bar[]} bars
 * @property {Line[]} lines
 * @property {number | null} at
 * @property {string} x
 * @property {string} y
 */

const REM = 16; // pixels of a rem in a window of laptop size
const SVG = "http://www.w3.org/2000/svg";
const DOT = 9, ROW = 25, LETTER = 7.3; // pixels between two dots, of one bar with its words, and of a letter
const WIDTH = 210, HEIGHT = 92, LEFT = 8, TOP = 8, BOTTOM = 18, NAMES = 18; // of a picture, around its lines, and of their names

/**
 * @param {Picture} picture
 * @param {Record<string, string>} colours
 * @param {number} letter size of its letters, in the picture's own pixels
 */
export function drawPicture(picture, colours, letter) {
  const svg = make("svg", { role: "img", "aria-label": picture.described, class: "story-picture", "font-size": letter });
  if (picture.dots !== null) drawDots(svg, picture.dots);
  else if (picture.bars.length) drawBars(svg, picture.bars, colours);
  else drawLines(svg, picture, colours);
  return svg;
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {string} [text]
 */
function make(tag, attributes, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.textContent = text;
  return made;
}

/**
 * Give the picture its size; it grows as a whole with the page's letters and in the projector's view.
 * @param {Element} svg
 * @param {number} width
 * @param {number} height
 */
function size(svg, width, height) {
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("style", `width: calc(${width / REM}rem * var(--enlarged, 1))`);
}

/**
 * A hundred dots, ten in a row; removed ones are rings.
 * @param {Element} svg
 * @param {number} removed
 */
function drawDots(svg, removed) {
  size(svg, 10 * DOT, 10 * DOT);
  for (let dot = 0; dot < 100; dot++) {
    const gone = dot < removed;
    svg.append(make("circle", { cx: (dot % 10 + .5) * DOT, cy: (Math.floor(dot / 10) + .5) * DOT, r: gone ? 2.6 : 3.4,
      class: gone ? "story-removed" : "story-kept" }));
  }
}

/**
 * @param {Element} svg
 * @param {Bar[]} bars
 * @param {Record<string, string>} colours
 */
function drawBars(svg, bars, colours) {
  size(svg, WIDTH, bars.length * ROW);
  bars.forEach(({ label, text, share, colour }, number) => {
    const top = number * ROW;
    svg.append(make("text", { x: 0, y: top + 11 }, label),
      make("text", { x: WIDTH, y: top + 11, "text-anchor": "end" }, text),
      make("rect", { x: 0, y: top + 14, width: Math.max(1, WIDTH * Math.min(1, share)), height: 7, rx: 2, fill: colours[colour] }));
  });
}

/**
 * @param {Element} svg
 * @param {Picture} picture
 * @param {Record<string, string>} colours
 */
function drawLines(svg, { lines, at, x, y }, colours) {
  const right = WIDTH - LEFT, low = HEIGHT - BOTTOM;
  /** @param {number} share */
  const across = (share) => LEFT + share * (right - LEFT), up = (/** @type {number} */ share) => low - share * (low - TOP);
  size(svg, WIDTH, HEIGHT + NAMES);
  svg.append(make("path", { d: `M${LEFT} ${TOP}V${low}H${right}`, class: "story-axis" }));
  if (at !== null) svg.append(make("path", { d: `M${across(at)} ${TOP}V${low}`, class: "story-at" }));
  let left = 0;
  for (const { label, points, colour, dash } of lines) {
    const way = points.map(([one, other]) => across(one).toFixed(1) + " " + up(other).toFixed(1)).join("L");
    const drawn = { fill: "none", stroke: colours[colour], "stroke-width": 2, "stroke-dasharray": dash };
    svg.append(make("path", { d: "M" + way, ...drawn }), make("path", { d: `M${left} ${HEIGHT + 8}h14`, ...drawn }),
      make("text", { x: left + 17, y: HEIGHT + 12 }, label));
    left += 29 + LETTER * label.length;
  }
  for (const share of [0, 1]) {
    const text = 100 * share + " %";
    svg.append(make("text", { x: across(share), y: HEIGHT - 4, "text-anchor": share ? "end" : "start" }, text));
    if (share) svg.append(make("text", { x: LEFT + 3, y: TOP + 16 }, text));
  }
  svg.append(make("text", { x: LEFT + 3, y: low - 5 }, y), make("text", { x: (LEFT + right) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, x));
}
