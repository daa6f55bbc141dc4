
// ------------------------------------------------------------------ the lines beside the matrix, heads, go to

const strips = { columns: part("columns"), rows: part("rows") };
const HEADS_FROM = 10;                  // pixels between two heads from which on their borders are drawn
let profile = null, profileAsked = "", overStrip = null;

async function askProfile() {
  const name = named(asked());
  if (name === profileAsked) return;
  profileAsked = name;
  const request = { ...asked(), row: 0, column: 0, rows: 1, columns: 1, height: 1, width: 1 };
  const answer = await server.profile(request).catch(() => null);
  if (name !== profileAsked || !element.isConnected) return;
  if (!answer || answer.error) {
    profileAsked = "";
    return;
  }
  const read = (text) => new Float32Array(decode(text).buffer);
  const lines = { rows: read(answer.rows), columns: read(answer.columns) };
  const finite = [...lines.rows, ...lines.columns].filter(Number.isFinite);
  const most = field.kind === "mask" || field.kind === "four" ? 1 : finite.reduce((high, one) => Math.max(high, one), 0);
  const all = lines.columns.filter(Number.isFinite);
  profile = { ...lines, name, most: most || 1, mean: all.reduce((sum, one) => sum + one, 0) / (all.length || 1) };
  legend();
  drawSoon();
}

const profiled = () => (profile && value && field && profile.name === named(asked()) ? profile : null);
const measured = () => words["measure_" + (field.kind === "sequential" ? "mean" : field.kind === "diverging" ? "magnitude" : field.kind)];

function drawProfiles() {
  // where the matrix leaves room in its stage the strips stand close to it
  strips.columns.style.transform = "translateY(" + Math.max(0, top_) / ratio + "px)";
  strips.rows.style.transform = "translateX(" + -Math.max(0, width - left - value.columns * scale) / ratio + "px)";
  for (const axis of ["columns", "rows"]) {
    const strip = strips[axis], box = strip.getBoundingClientRect();
    const wide = Math.max(1, Math.round(box.width * ratio)), tall = Math.max(1, Math.round(box.height * ratio));
    if (strip.width !== wide || strip.height !== tall) Object.assign(strip, { width: wide, height: tall });
    const paint = strip.getContext("2d");
    paint.setTransform(1, 0, 0, 1, 0, 0);
    paint.clearRect(0, 0, wide, tall);
    const lines = profiled();
    if (!lines) continue;
    // one way of drawing for both: `along` runs with the matrix, `up` away from it
    if (axis === "columns") paint.setTransform(1, 0, 0, -1, 0, tall);
    else paint.setTransform(0, 1, 1, 0, 0, 0);
    const length = axis === "columns" ? wide : tall, room = axis === "columns" ? tall : wide;
    drawLine(paint, lines[axis], axis === "columns" ? left : top_, length, room - 2 * ratio, lines);
  }
}

function drawLine(paint, line, corner, length, room, { most, mean }) {
  paint.fillStyle = theme.text;
  for (let along = Math.max(0, corner); along < length; along++) {
    const first = Math.floor((along - corner) / scale + 1e-6), last = Math.max(first, Math.ceil((along + 1 - corner) / scale - 1e-6) - 1);
    if (first >= line.length) break;
    let sum = 0, high = 0, many = 0;
    for (let at = first; at <= Math.min(last, line.length - 1); at++) {
      if (Number.isNaN(line[at])) continue;
      sum += line[at];
      high = Math.max(high, line[at]);
      many++;
    }
    if (!many) continue;
    paint.globalAlpha = 0.28;                           // the largest of those that share a pixel …
    paint.fillRect(along, 0, 1, room * high / most);
    paint.globalAlpha = 0.6;                            // … and their mean
    paint.fillRect(along, 0, 1, room * sum / many / most);
  }
  paint.globalAlpha = 1;
  paint.strokeStyle = SELECTED;
  paint.lineWidth = ratio;
  paint.setLineDash([4 * ratio, 3 * ratio]);            // the mean of the whole matrix
  paint.beginPath();
  paint.moveTo(Math.max(0, corner), room * mean / most);
  paint.lineTo(Math.min(length, corner + line.length * scale), room * mean / most);
  paint.stroke();
  paint.setLineDash([]);
}

function headsShown() {
  return (value.heads || [0, 0]).map((size) => (size * scale >= HEADS_FROM * ratio ? size : 0));
}

function drawHeads() {
  const [rows, columns] = headsShown();
  if (!rows && !columns) return;
  brush.save();
  brush.lineWidth = Math.max(1, ratio);
  for (const [colour, dash] of [["rgba(255,255,255,0.9)", []], ["#000000", [5 * ratio, 5 * ratio]]]) {
    brush.strokeStyle = colour;
    brush.setLineDash(dash);
    brush.beginPath();
    const right = Math.min(width, left + value.columns * scale), bottom = Math.min(height, top_ + value.rows * scale);
    for (let row = rows; rows && row < value.rows; row += rows) {
      const y = Math.round(top_ + row * scale) + 0.5;   // the middle of a pixel: a sharp line
      brush.moveTo(Math.max(0, left), y);
      brush.lineTo(right, y);
    }
    for (let column = columns; columns && column < value.columns; column += columns) {
      const x = Math.round(left + column * scale) + 0.5;
      brush.moveTo(x, Math.max(0, top_));
      brush.lineTo(x, bottom);
    }
    brush.stroke();
  }
  brush.restore();
}

function drawCrosshair() {
  const block = pointed();
  if (!block || drag) return;
  const x = left + (block.column + block.step / 2) * scale, y = top_ + (block.row + block.step / 2) * scale;
  for (const [strip, from, to] of [[strips.columns, [x, 0], [x, strips.columns.height]], [strips.rows, [0, y], [strips.rows.width, y]]]) {
    const paint = strip.getContext("2d");
    paint.setTransform(1, 0, 0, 1, 0, 0);
    paint.lineWidth = 2 * ratio;
    paint.strokeStyle = SELECTED;
    paint.beginPath();
    paint.moveTo(...from);
    paint.lineTo(...to);
    paint.stroke();
  }
  if (block.step * scale >= FRAME_FROM * ratio) return;      // a frame around the cell says it, and covers no other
  brush.save();
  brush.lineWidth = Math.max(1, ratio);
  brush.strokeStyle = theme.text;
  brush.globalAlpha = 0.35;
  brush.beginPath();
  brush.moveTo(x, Math.max(0, top_));
  brush.lineTo(x, Math.min(height, top_ + value.rows * scale));
  brush.moveTo(Math.max(0, left), y);
  brush.lineTo(Math.min(width, left + value.columns * scale), y);
  brush.stroke();
  brush.restore();
}

function onStrip(axis, event) {
  // the column, or row, of a place on a strip; null outside the matrix
  const box = strips[axis].getBoundingClientRect(), columns = axis === "columns";
  const at = columns ? ((event.clientX - box.left) * ratio - left) / scale : ((event.clientY - box.top) * ratio - top_) / scale;
  const place = Math.floor(at);
  return value && width && place >= 0 && place < (columns ? value.columns : value.rows) ? place : null;
}

for (const axis of ["columns", "rows"]) {
  strips[axis].addEventListener("pointermove", (event) => {
    const at = onStrip(axis, event), lines = profiled();
    if (at === null || !lines) {
      tell("");
      return;
    }
    const number = lines[axis][at], asShare = field.kind === "mask" || field.kind === "four";
    const unit = field.unit && !asShare ? " " + field.unit : "";
    tell(say("profile", { line: axis === "columns" ? say("line_column", { at: storedColumn(at) }) : say("line_row", { at }), measure: measured(), value: asShare ? percent(number) : digits(number) + unit }));
  });
  strips[axis].addEventListener("pointerleave", () => tell(""));
  strips[axis].addEventListener("click", (event) => {
    const at = onStrip(axis, event), seen = value && width ? visible() : null;
    if (at === null) return;
    const row = axis === "rows" ? at : pin ? pin.row : seen.row + Math.floor(seen.rows / 2);
    const column = axis === "columns" ? at : pin ? pin.column : seen.column + Math.floor(seen.columns / 2);
    setPin(row, column, true);
    bringIntoSight(row, column);
  });
}

part("goto").addEventListener("keydown", (event) => {
  event.stopPropagation();
  if (event.key !== "Enter" || !value || !width) return;
  event.preventDefault();
  const numbers = (event.target.value.match(/[0-9]+/g) || []).map(Number), [row, stored] = numbers;
  if (numbers.length !== 2 || row >= value.rows || stored >= value.columns) {
    tell(say("goto_outside", { rows: value.rows - 1, columns: value.columns - 1 }));
    return;
  }
  const column = shownColumn(stored);
  scale = wish = Math.max(scale, snap(PRINT_FROM * ratio));
  left = width / 2 - (column + 0.5) * scale;
  top_ = height / 2 - (row + 0.5) * scale;
  moved();
  setPin(row, column, true);
});
