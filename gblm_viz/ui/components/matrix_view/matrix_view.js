// Draws one matrix on a canvas from tiles that the server pools, and lets it be zoomed, read and pointed at.
// Knows no model, no method and no language: shape, fields and every word come in props.value.

const root = element.querySelector(".matrix-view");
const part = (name) => root.querySelector(".matrix-" + name);
const canvas = part("canvas"), stage = part("stage"), message = part("message"), hoverLine = part("hover");
const brush = canvas.getContext("2d", { alpha: false });

// ------------------------------------------------------------------ colours

// kept, removed and the ramps are the ones of figures/colours.py, which the component puts in here
const COLOUR = COLOURS;
const hex = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
const KEPT = hex(COLOUR.kept), REMOVED = hex(COLOUR.removed);
// kept by both, removed by both, only A, only B
const FOUR = [COLOUR.bothKept, COLOUR.bothRemoved, COLOUR.kept, COLOUR.removed].map(hex);
const FOUR_MARKS = ["·", "×", "A", "B"], MASK_MARKS = ["·", "×"];
const SELECTED = COLOUR.pick;

function ramp(stops) {
  // 256 colours; number 0 is never drawn: code 0 is a gap
  const colours = stops.map(hex), table = [];
  for (let code = 0; code < 256; code++) {
    const place = Math.max(0, code - 1) / 254 * (colours.length - 1);
    const low = Math.min(Math.floor(place), colours.length - 2), share = place - low;
    table.push(colours[low].map((value, at) => Math.round(value + share * (colours[low + 1][at] - value))));
  }
  return table;
}

const RAMPS = { sequential: ramp(COLOUR.ramps.sequential), diverging: ramp(COLOUR.ramps.diverging), mask: ramp(COLOUR.ramps.density) };
const TWO = RAMPS.mask.map((colour, code) => (code > 127 ? REMOVED : KEPT));

function colourTable(field, step) {
  return field.kind === "mask" && step === 1 ? TWO : RAMPS[field.kind];
}

function fourColour(shares) {
  const rest = Math.max(0, 1 - shares[0] - shares[1] - shares[2]);
  const all = [rest, ...shares];
  return [0, 1, 2].map((at) => Math.round(all.reduce((sum, share, which) => sum + share * FOUR[which][at], 0)));
}

// ------------------------------------------------------------------ words and numbers

let words = {};
const say = (key, numbers) => (words[key] || "").replace(/[{](\w+)[}]/g, (all, name) => (numbers && name in numbers ? numbers[name] : all));

function digits(value) {
  // three significant digits, no trailing zeros: 3.1e-4, 0.0123, 512
  if (!Number.isFinite(value)) return Number.isNaN(value) ? words.none || "NaN" : value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e-3 && size < 1e4 ? String(Number(value.toPrecision(3))) : value.toExponential(2).replace(/[.]?0+e/, "e").replace("e+", "e");
  return text.replace(/^-/, "−");
}

const percent = (share) => digits(100 * share) + " %";
const count = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const span = (first, last) => (first === last ? String(first) : first + "–" + last);

// ------------------------------------------------------------------ the ladder of scales

// A pixel stands for step × step weights; the server knows the same ladder (figures/tiles.py).
const STEPS = [1, 2, 3];
for (let power = 4; power < 1 << 20; power *= 2) STEPS.push(power, power * 5 / 4, power * 3 / 2, power * 7 / 4);
const SCALES = [...STEPS.slice(1).map((step) => 1 / step).reverse(), ...STEPS];
const FRAME_FROM = 6, PRINT_FROM = 28, LARGEST_CELL = 80, MOST_PIXELS = 4000000, MOST_BYTES = 180000, MOST_CELLS = 400, ROUGH_FROM = 4;

const stepAt = (scale) => (scale >= 1 ? 1 : STEPS.find((step) => step * scale > 1 - 1e-9));

// ------------------------------------------------------------------ what is shown now

let value = null, field = null;         // the picture and the field that is wanted
let scale = 1, wish = 1;                // device pixels per weight: drawn, and what the wheel has asked for so far
let left = 0, top_ = 0;                 // device pixel of the matrix's corner
let width = 0, height = 0, ratio = 1;   // the canvas in device pixels, and pixels per CSS pixel
let tile = null, overview = null;       // bitmaps: of the view, and of everything
let flying = false, failed = false;     // one request at a time
let pointer = null, drag = null, pin = null, pinText = "";
let probe = { of: "", answer: null, timer: 0 };
let frame = 0, theme = null, legendOf = "";
let fitted = true, anchor = null;
let live = null, heard = null;          // the controls that the picture follows while they are ahead of it, and the last
                                        // of them that moved since they were read

// The columns may be shown in another order than they are stored in: all that is said and sent names the stored ones.
const storedColumn = (shown) => (value.sorted ? value.sorted[shown] : shown);
const shownColumn = (stored) => (value.sorted ? value.sorted.indexOf(stored) : stored);

function fitScale() {
  const exact = Math.min(width / value.columns, height / value.rows);
  const below = SCALES.filter((one) => one <= exact * (1 + 1e-9)).pop() || exact;
  return below >= exact * 0.88 ? below : exact;      // crisp pixels where they cost little room
}

const largestScale = () => Math.max(fitScale(), SCALES.filter((one) => one <= LARGEST_CELL * ratio).pop());

function snap(wanted) {
  const least = fitScale(), most = largestScale();
  const open = [least, ...SCALES.filter((one) => one > least * 1.02 && one <= most)];
  return open.reduce((best, one) => (Math.abs(Math.log(one / wanted)) < Math.abs(Math.log(best / wanted)) ? one : best));
}

function clampView() {
  const wide = value.columns * scale, tall = value.rows * scale;
  left = Math.round(wide <= width ? (width - wide) / 2 : Math.min(0, Math.max(width - wide, left)));
  top_ = Math.round(tall <= height ? (height - tall) / 2 : Math.min(0, Math.max(height - tall, top_)));
}

function visible() {
  const row = Math.max(0, Math.floor(-top_ / scale + 1e-6)), column = Math.max(0, Math.floor(-left / scale + 1e-6));
  return {
    row, column,
    rows: Math.min(value.rows, Math.ceil((height - top_) / scale - 1e-6)) - row,
    columns: Math.min(value.columns, Math.ceil((width - left) / scale - 1e-6)) - column,
  };
}

function zoomTo(wanted, x, y) {
  wish = Math.min(largestScale(), Math.max(fitScale(), wanted));
  const next = snap(wish);
  if (next === scale) return;
  // the corner is rounded to whole pixels at each step: the place zoomed into is remembered, or it would drift away
  const held = anchor && anchor.x === x && anchor.y === y ? anchor : { x, y, column: (x - left) / scale, row: (y - top_) / scale };
  scale = next;
  left = x - held.column * scale;
  top_ = y - held.row * scale;
  moved();
  anchor = held;
}

function fit() {
  scale = wish = fitScale();
  moved();
}

function moved() {
  anchor = null;
  clampView();
  fitted = scale <= fitScale() * (1 + 1e-9);
  canvas.style.touchAction = fitted ? "auto" : "none";
  const seen = visible();
  root.dataset.view = [seen.row, seen.column, seen.rows, seen.columns].join(",");
  const step = stepAt(scale);
  root.dataset.weightsPerPixel = step * step;
  root.dataset.scale = scale;
  root.dataset.corner = left + "," + top_;
  ask();
  drawSoon();
  legend();
  readPointer();
}

// ------------------------------------------------------------------ tiles

function decode(text) {
  const bytes = atob(text), result = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) result[at] = bytes.charCodeAt(at);
  return result;
}

function unpack(answer, of) {
  const pixels = typeof answer.pixels === "string" ? decode(answer.pixels) : answer.pixels, size = answer.height * answer.width;
  const picture = document.createElement("canvas");
  picture.width = answer.width;
  picture.height = answer.height;
  const paint = picture.getContext("2d"), image = paint.createImageData(answer.width, answer.height);
  let gaps = false;
  if (answer.planes === 3) {
    for (let at = 0; at < size; at++) {
      const shares = [0, 1, 2].map((plane) => (pixels[plane * size + at] - 1) / 254);
      image.data.set([...fourColour(shares), 255], 4 * at);
    }
  } else {
    const colours = new Uint32Array(colourTable(of.field, answer.step).map(([red, green, blue]) => (255 << 24 | blue << 16 | green << 8 | red) >>> 0));
    const cells = new Uint32Array(image.data.buffer);
    for (let at = 0; at < size; at++) {
      const code = pixels[at];
      if (code) cells[at] = colours[code];
      else gaps = true;                                // left transparent: the hatching below shows through
    }
  }
  paint.putImageData(image, 0, 0);
  const values = answer.values ? new Float32Array(decode(answer.values).buffer) : null;
  return { ...answer, ...of, pixels, values, picture, gaps, grown: null };
}

// What every request says: which picture, and where the controls that it follows have been moved to. While they are
// ahead of it, one row stands for two where a pixel shows many.
const every = () => (live && stepAt(scale) >= ROUGH_FROM ? 2 : 1);
const asked = () => ({ key: value.key, field: field.id, version: value.version, ...(live && { live, every: every() }) });

function wanted() {
  const step = stepAt(scale), seen = visible();
  const row = Math.floor(seen.row / step) * step, column = Math.floor(seen.column / step) * step;
  const tall = Math.ceil((seen.row + seen.rows - row) / step), wide = Math.ceil((seen.column + seen.columns - column) / step);
  return { ...asked(), row, column, rows: tall * step, columns: wide * step, height: tall, width: wide };
}

const named = (request) => JSON.stringify(request);

async function fetched(request) {
  // the tile, where it is large in bands of at most a quarter of a megabyte
  const planes = field.kind === "four" ? 3 : 1, most = Math.max(1, Math.floor(MOST_BYTES / (planes * request.width)));
  if (request.height <= most) return server.tile(request);
  const step = request.rows / request.height, bands = [];
  for (let first = 0; first < request.height; first += most) {
    const tall = Math.min(most, request.height - first);
    const band = await server.tile({ ...request, row: request.row + first * step, rows: tall * step, height: tall });
    if (!band || band.error) return band;
    bands.push(band);
  }
  const all = bands.map((band) => decode(band.pixels)), tall = bands.reduce((sum, band) => sum + band.height, 0);
  const pixels = new Uint8Array(planes * tall * bands[0].width);
  for (let plane = 0, at = 0; plane < planes; plane++) {
    bands.forEach((band, which) => {
      const size = band.height * band.width;
      pixels.set(all[which].subarray(plane * size, (plane + 1) * size), at);
      at += size;
    });
  }
  return { ...bands[0], height: tall, pixels };
}

async function ask() {
  if (flying || !value || !width) return;
  flying = true;
  try {
    for (;;) {
      if (!value || !width) break;
      catchUp();
      const request = wanted(), name = named(request), of = { field, name };
      if (tile && tile.name === name) break;
      root.dataset.state = "loading";
      let answer = null;
      try {
        answer = await fetched(request);
      } catch (error) {
        answer = { error: "offline" };
      }
      if (!element.isConnected) return;
      if (!value || request.version !== value.version || of.field !== field) continue;      // another picture by now
      if (!answer || answer.error) {
        const why = answer ? answer.error : "failed";
        show("error", words["error_" + why] || words.error_failed);
        root.dataset.error = why;
        tile = overview = null;
        failed = true;
        drawSoon();
        return;
      }
      failed = false;
      tile = unpack(answer, of);
      delete root.dataset.older;
      if (request.rows >= value.rows && request.columns >= value.columns) overview = tile;
      drawSoon();
      legend();
      if (!heard && named(wanted()) === name) break;
    }
    if (value && width && !failed) settled();
  } finally {
    flying = false;
  }
}

function show(state, text) {
  root.dataset.state = state;
  message.textContent = text || "";
}

function settled() {
  cancelAnimationFrame(frame);
  frame = 0;
  draw();
  legend();
  listCells();
  askProfile();
  if (live && pin) tellPin(false);
  show("ready", "");
  readPointer();
}

// ------------------------------------------------------------------ drawing

function readTheme() {
  const style = getComputedStyle(root), pick = (name, other) => style.getPropertyValue(name).trim() || other;
  theme = { stage: pick("--background-fill-secondary", "#f4f4f5"), text: pick("--body-text-color", "#1f2937"), line: pick("--border-color-primary", "#d4d4d8") };
}

let hatching = null;
function hatch() {
  if (!hatching) {
    const cell = document.createElement("canvas");
    cell.width = cell.height = 6;
    const paint = cell.getContext("2d");
    paint.fillStyle = "#e5e7eb";
    paint.fillRect(0, 0, 6, 6);
    paint.strokeStyle = "#6b7280";
    paint.lineWidth = 1.6;
    for (const shift of [-6, 0, 6]) {
      paint.beginPath();
      paint.moveTo(shift - 1, 7);
      paint.lineTo(shift + 7, -1);
      paint.stroke();
    }
    hatching = brush.createPattern(cell, "repeat");
  }
  return hatching;
}

function drawBitmap(bitmap, x, y, perWeight, settledView) {
  const cell = bitmap.step * perWeight;
  let source = bitmap.picture;
  brush.imageSmoothingEnabled = false;
  if (settledView && cell < 4 && Math.abs(cell - Math.round(cell)) > 1e-6) {
    // cells of a broken number of pixels: enlarge by a whole number, then let the edges blend, so all look equally wide
    const times = Math.ceil(cell);
    if (!bitmap.grown) {
      bitmap.grown = document.createElement("canvas");
      bitmap.grown.width = bitmap.width * times;
      bitmap.grown.height = bitmap.height * times;
      const paint = bitmap.grown.getContext("2d");
      paint.imageSmoothingEnabled = false;
      paint.drawImage(source, 0, 0, bitmap.grown.width, bitmap.grown.height);
    }
    source = bitmap.grown;
    brush.imageSmoothingEnabled = true;
  }
  brush.drawImage(source, x + bitmap.column * perWeight, y + bitmap.row * perWeight, bitmap.width * cell, bitmap.height * cell);
}

function drawSoon() {
  if (!frame) frame = requestAnimationFrame(() => { frame = 0; draw(); });
}

function draw() {
  if (!width) return;
  if (!theme) readTheme();
  brush.fillStyle = theme.stage;
  brush.fillRect(0, 0, width, height);
  if (!value || !tile) return;
  brush.save();
  brush.beginPath();
  brush.rect(left, top_, Math.round(value.columns * scale), Math.round(value.rows * scale));
  brush.clip();
  brush.fillStyle = hatch();
  brush.fillRect(0, 0, width, height);
  if (overview && overview !== tile && tile.name !== named(wanted())) drawBitmap(overview, left, top_, scale, false);
  drawBitmap(tile, left, top_, scale, tile.step === stepAt(scale));
  brush.restore();
  drawCells();
  drawHeads();
  drawProfiles();
  drawCrosshair();
  drawPin();
  drawPointer();
  drawMinimap();
}

const dark = (colour) => 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] < 140;

function cellColour(at) {
  const size = tile.height * tile.width;
  if (tile.planes === 3) return fourColour([0, 1, 2].map((plane) => (tile.pixels[plane * size + at] - 1) / 254));
  return tile.pixels[at] ? colourTable(tile.field, tile.step)[tile.pixels[at]] : [229, 231, 235];
}

// of a single weight: chance only says on which side of it the weight lies
const removed = (of, number) => number > (of.pooling === "chance" ? 0 : 0.5);

function cellText(at) {
  // what is printed into a cell, and said of it
  const size = tile.height * tile.width, kind = tile.field.kind;
  if (kind === "four") {
    const category = [1, 2, 3].find((which) => tile.values[(which - 1) * size + at] > 0.5) || 0;
    return { mark: FOUR_MARKS[category], said: tile.field.categories[category], number: category };
  }
  const number = tile.values[at];
  if (Number.isNaN(number)) return { mark: "?", said: words.none, number };
  if (kind === "mask" || tile.field.pooling === "chance") {
    const gone = removed(tile.field, number);
    return { mark: MASK_MARKS[gone ? 1 : 0], said: gone ? words.removed : words.kept, number: gone ? 1 : 0 };
  }
  return { mark: null, said: digits(number), number };
}

const printing = () => tile && tile.step === 1 && tile.values && scale >= PRINT_FROM * ratio - 1e-6;

function drawCells() {
  if (!printing()) return;
  const cell = scale, seen = visible();
  brush.save();
  brush.strokeStyle = "rgba(128,128,128,0.55)";
  brush.lineWidth = Math.max(1, Math.round(ratio));
  brush.beginPath();
  for (let row = seen.row; row <= seen.row + seen.rows; row++) {
    brush.moveTo(left + seen.column * cell, top_ + row * cell + 0.5);
    brush.lineTo(left + (seen.column + seen.columns) * cell, top_ + row * cell + 0.5);
  }
  for (let column = seen.column; column <= seen.column + seen.columns; column++) {
    brush.moveTo(left + column * cell + 0.5, top_ + seen.row * cell);
    brush.lineTo(left + column * cell + 0.5, top_ + (seen.row + seen.rows) * cell);
  }
  brush.stroke();
  brush.textAlign = "center";
  brush.textBaseline = "middle";
  for (let row = tile.row; row < tile.row + tile.height; row++) {
    for (let column = tile.column; column < tile.column + tile.width; column++) {
      const at = (row - tile.row) * tile.width + column - tile.column, text = cellText(at);
      const x = left + (column + 0.5) * cell, y = top_ + (row + 0.5) * cell;
      brush.fillStyle = dark(cellColour(at)) ? "#ffffff" : "#111111";
      if (text.mark !== null) {
        brush.font = "700 " + Math.round(Math.min(cell * 0.5, 22 * ratio)) + "px sans-serif";
        brush.fillText(text.mark, x, y);
        continue;
      }
      const [body, power] = text.said.split("e"), wide = cell >= 52 * ratio;
      const size = Math.round(Math.min(13 * ratio, wide ? cell * 0.21 : cell * 0.33));
      brush.font = size + "px sans-serif";
      if (wide || power === undefined) {
        brush.fillText(text.said, x, y, cell - 3);
      } else {
        brush.fillText(body, x, y - size * 0.52, cell - 3);
        brush.fillText("e" + power, x, y + size * 0.58, cell - 3);
      }
    }
  }
  brush.restore();
}

function frameAround(row, column, rows, columns, colour, least) {
  const size = (weights) => Math.max(weights * scale, least * ratio);
  const w = size(columns), h = size(rows);
  const x = left + (column + columns / 2) * scale - w / 2, y = top_ + (row + rows / 2) * scale - h / 2;
  brush.lineWidth = 4 * ratio;
  brush.strokeStyle = "rgba(255,255,255,0.9)";
  brush.strokeRect(x, y, w, h);
  brush.lineWidth = 2 * ratio;
  brush.strokeStyle = colour;
  brush.strokeRect(x, y, w, h);
}

function drawPin() {
  if (!pin) return;
  frameAround(pin.row, pin.column, 1, 1, SELECTED, 9);
  if (scale < PRINT_FROM * ratio) {
    // short lines on both sides, so that a mark of nine pixels is found again
    const x = left + (pin.column + 0.5) * scale, y = top_ + (pin.row + 0.5) * scale;
    brush.lineWidth = 2 * ratio;
    brush.strokeStyle = SELECTED;
    brush.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      brush.moveTo(x + dx * 7 * ratio, y + dy * 7 * ratio);
      brush.lineTo(x + dx * 14 * ratio, y + dy * 14 * ratio);
    }
    brush.stroke();
  }
}

function drawPointer() {
  const block = pointed();
  if (!block || drag || block.step * scale < FRAME_FROM * ratio) return;
  brush.lineWidth = Math.max(1, ratio);
  brush.strokeStyle = theme.text;
  brush.strokeRect(left + block.column * scale + 0.5, top_ + block.row * scale + 0.5, block.step * scale, block.step * scale);
}

function drawMinimap() {
  if (fitted || !overview || overview.field !== tile.field || overview.version !== tile.version) return;
  const room = Math.min(130 * ratio / value.columns, 90 * ratio / value.rows);
  const w = Math.max(8 * ratio, value.columns * room), h = Math.max(8 * ratio, value.rows * room);
  const x = width - w - 8 * ratio, y = height - h - 8 * ratio, seen = visible();
  brush.save();
  brush.fillStyle = hatch();
  brush.fillRect(x, y, w, h);
  brush.beginPath();
  brush.rect(x, y, w, h);
  brush.clip();
  brush.imageSmoothingEnabled = true;
  brush.drawImage(overview.picture, x, y, overview.width * overview.step * w / value.columns, overview.height * overview.step * h / value.rows);
  brush.restore();
  brush.lineWidth = ratio;
  brush.strokeStyle = theme.text;
  brush.strokeRect(x - 0.5, y - 0.5, w + 1, h + 1);
  const boxWide = Math.max(4 * ratio, seen.columns * w / value.columns), boxTall = Math.max(4 * ratio, seen.rows * h / value.rows);
  const boxX = Math.min(x + w - boxWide, x + seen.column * w / value.columns), boxY = Math.min(y + h - boxTall, y + seen.row * h / value.rows);
  brush.lineWidth = 3 * ratio;
  brush.strokeStyle = "#ffffff";
  brush.strokeRect(boxX, boxY, boxWide, boxTall);
  brush.lineWidth = 1.5 * ratio;
  brush.strokeStyle = "#000000";
  brush.strokeRect(boxX, boxY, boxWide, boxTall);
}

// ------------------------------------------------------------------ legend, table, switch

function note(parent, text) {
  const one = document.createElement("span");
  one.textContent = text;
  parent.append(one);
  return one;
}

function swatch(parent, colour, mark, text) {
  const one = note(parent, ""), box = document.createElement("span");
  box.className = "swatch";
  box.style.background = "rgb(" + colour.join(",") + ")";
  box.style.color = dark(colour) ? "#fff" : "#111";
  box.textContent = mark;
  one.append(box, document.createTextNode(text));
}

function legend() {
  const shown = tile || null;
  if (!value || !shown) return;
  const seen = visible(), step = shown.step, kind = shown.field.kind;
  const now = JSON.stringify([shown.field.id, shown.version, step, shown.gaps, seen, Boolean(profiled()), every()]);
  if (now === legendOf) return;
  legendOf = now;
  const place = part("legend");
  place.textContent = "";
  if (kind === "four") {
    FOUR.forEach((colour, which) => swatch(place, colour, FOUR_MARKS[which], shown.field.categories[which]));
  } else if (kind === "mask" && step === 1) {
    swatch(place, KEPT, MASK_MARKS[0], words.kept);
    swatch(place, REMOVED, MASK_MARKS[1], words.removed);
  } else {
    const asShare = kind === "mask", one = note(place, ""), bar = document.createElement("canvas");
    bar.width = 254;
    bar.height = 1;
    const paint = bar.getContext("2d"), table = RAMPS[kind];
    for (let code = 1; code < 256; code++) {
      paint.fillStyle = "rgb(" + table[code].join(",") + ")";
      paint.fillRect(code - 1, 0, 1, 1);
    }
    const number = asShare ? percent : digits;
    one.append(number(shown.field.lo), bar, number(shown.field.hi) + (shown.field.unit ? " " + shown.field.unit : ""));
    note(place, asShare ? words.share_removed : words["scale_" + shown.field.scale]);
  }
  if (step === 1) note(place, words.one_weight);
  else {
    const way = kind === "four" ? "four" : kind === "mask" ? "mask" : shown.field.pooling;
    note(place, say("many_weights", { rows: step, columns: step, count: count(step * step) }) + (every() > 1 ? "; " + words.rough : words["shows_" + way] ? "; " + words["shows_" + way] : ""));
  }
  if (shown.gaps) {
    const one = note(place, ""), box = document.createElement("span");
    box.className = "swatch hatched";
    one.append(box, words.hatched);
  }
  if (value.sorted) note(place, value.sortedBy || words.sorted);
  if (profiled()) note(place, say("strips", { measure: measured() }));
  if (headsShown().some(Boolean)) note(place, words[value.borders]);
  if (!fitted) note(place, say("visible", { rows: span(seen.row, seen.row + seen.rows - 1), columns: span(seen.column, seen.column + seen.columns - 1) }));
}

function listCells() {
  // the picture as a table for those who cannot see it, where it is few enough weights to be read
  const place = part("cells"), seen = visible();
  place.textContent = "";
  if (!tile || tile.step !== 1 || !tile.values || seen.rows * seen.columns > MOST_CELLS) {
    place.textContent = say("table_zoom", { count: MOST_CELLS });
    return;
  }
  const table = document.createElement("table"), caption = table.createCaption();
  caption.textContent = say("cells", { title: value.title }) + " · " + tile.field.label;
  const heading = (line, text) => {
    const cell = document.createElement("th");
    cell.textContent = text;
    line.append(cell);
  };
  const head = table.createTHead().insertRow();
  heading(head, "");
  for (let column = seen.column; column < seen.column + seen.columns; column++) heading(head, storedColumn(column));
  const lines = table.createTBody();
  for (let row = seen.row; row < seen.row + seen.rows; row++) {
    const line = lines.insertRow();
    heading(line, row);
    for (let column = seen.column; column < seen.column + seen.columns; column++) {
      const text = cellText((row - tile.row) * tile.width + column - tile.column), cell = line.insertCell();
      cell.dataset.row = row;
      cell.dataset.column = storedColumn(column);
      cell.dataset.value = String(text.number);
      cell.textContent = text.said;
    }
  }
  place.append(table);
}

function drawSwitch() {
  const place = part("fields");
  place.textContent = "";
  place.setAttribute("aria-label", words.fields || "");
  if (!value || value.fields.length < 2) return;
  for (const one of value.fields) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = one.label;
    button.dataset.field = one.id;
    button.setAttribute("aria-pressed", String(one === field));
    button.addEventListener("click", () => chooseField(one));
    place.append(button);
  }
}

function chooseField(one) {
  field = one;
  root.dataset.field = one.id;
  for (const button of part("fields").children) button.setAttribute("aria-pressed", String(button.dataset.field === one.id));
  probe.of = "";
  overview = null;
  moved();
  refreshOverview();
  if (pin) tellPin(false);
}

async function refreshOverview() {
  // everything at once, small: the minimap, and what is seen while a new part is on its way
  if (fitted || !value) return;
  const step = stepAt(fitScale()), tall = Math.ceil(value.rows / step), wide = Math.ceil(value.columns / step), of = { field, name: "overview" };
  const request = { ...asked(), row: 0, column: 0, rows: tall * step, columns: wide * step, height: tall, width: wide };
  const answer = await server.tile(request).catch(() => null);
  if (answer && !answer.error && value && request.version === value.version && of.field === field && !overview) {
    overview = unpack(answer, of);
    drawSoon();
  }
}

// ------------------------------------------------------------------ reading a place

function pointed() {
  // the block of weights under the pointer, or under the one in another view, aligned as the server pools them
  if (!value || !tile) return null;
  const own = pointer && { row: Math.floor((pointer.y - top_) / scale), column: Math.floor((pointer.x - left) / scale) };
  const at = own || (echo && { row: echo.row, column: shownColumn(echo.column) });
  if (!at) return null;
  const { row, column } = at;
  if (row < 0 || column < 0 || row >= value.rows || column >= value.columns) return null;
  const step = stepAt(scale);
  return { row: Math.floor(row / step) * step, column: Math.floor(column / step) * step, step, exactRow: row, exactColumn: column };
}

function sentence(block, numbers, exact) {
  // numbers: one value, or for four the shares of categories 1, 2 and 3
  const about = exact ? "" : "≈ ", kind = field.kind;
  const last = (first, total) => Math.min(first + block.step, total) - 1;
  const rows = span(block.row, last(block.row, value.rows)), places = span(block.column, last(block.column, value.columns));
  const columns = value.sorted ? say("sorted_places", { places }) : places;
  const many = (last(block.row, value.rows) - block.row + 1) * (last(block.column, value.columns) - block.column + 1);
  const unit = field.unit && kind !== "mask" && kind !== "four" ? " " + field.unit : "";
  let text;
  if (kind === "four") {
    const shares = [Math.max(0, 1 - numbers[0] - numbers[1] - numbers[2]), ...numbers];
    if (many === 1) text = field.categories[shares.indexOf(Math.max(...shares))];
    else text = shares.map((share, which) => field.categories[which] + " " + about + percent(share < 1e-6 ? 0 : share)).join(", ");
  } else if (Number.isNaN(numbers[0])) text = words.none;
  else if (many === 1 && (kind === "mask" || field.pooling === "chance")) text = removed(field, numbers[0]) ? words.removed : words.kept;
  else text = about + (kind === "mask" ? percent(numbers[0]) : digits(numbers[0]) + unit);
  if (many === 1) return say("weight", { row: block.row, column: storedColumn(block.column), value: text });
  const way = kind === "four" ? "four" : kind === "mask" ? "mask" : field.pooling;
  return say("pooled_" + way, { rows, columns, value: text, count: count(many) });
}

function fromTile(block) {
  // its numbers, read from the picture on the screen; exact where the server sent values or nothing is pooled
  if (!tile || tile.field !== field || tile.step !== block.step || tile.version !== value.version) return null;
  const row = (block.row - tile.row) / tile.step, column = (block.column - tile.column) / tile.step;
  if (row < 0 || column < 0 || row >= tile.height || column >= tile.width) return null;
  const at = row * tile.width + column, size = tile.height * tile.width, planes = [...Array(tile.planes).keys()];
  if (tile.values) return { numbers: planes.map((plane) => tile.values[plane * size + at]), exact: true };
  const share = (code) => (code - 1) / 254, { lo, hi } = field;
  if (field.kind === "four") return { numbers: planes.map((plane) => share(tile.pixels[plane * size + at])), exact: block.step === 1 };
  const code = tile.pixels[at];
  if (!code) return { numbers: [NaN], exact: true };
  const number = field.scale === "log" ? lo * (hi / lo) ** share(code) : lo + (hi - lo) * share(code);
  return { numbers: [number], exact: field.kind === "mask" && block.step === 1 };
}

async function exactly(block) {
  if (every() > 1) return null;         // what is there may be another row's: the number comes when the control rests
  const answer = await server.tile({ ...asked(), row: block.row, column: block.column, rows: block.step, columns: block.step, height: 1, width: 1 }).catch(() => null);
  if (!answer || answer.error || !answer.values) return null;
  return { numbers: [...new Float32Array(decode(answer.values).buffer)], strongest: answer.strongest || null };
}

function tell(text) {
  hoverLine.textContent = text || words.hint || "";
  hoverLine.classList.toggle("hint", !text);
  root.dataset.hover = text || "";
}

function readPointer() {
  const block = drag ? null : pointed();
  clearTimeout(probe.timer);
  if (!block) {
    tell("");
    return;
  }
  const name = JSON.stringify([asked(), block]);
  if (probe.of === name && probe.answer) {
    tell(sentence(block, probe.answer.numbers, true));
    return;
  }
  const seen = fromTile(block);
  if (seen) tell(sentence(block, seen.numbers, seen.exact));
  if (seen && seen.exact) return;
  probe.of = name;
  probe.answer = null;
  probe.timer = setTimeout(async () => {
    const answer = await exactly(block);
    if (answer && probe.of === name) {
      probe.answer = answer;
      readPointer();
    }
  }, 60);
}

let pinned = 0;
function setPin(row, column, loud) {
  pin = { row, column };
  root.dataset.pin = row + "," + storedColumn(column);
  drawSoon();
  tellPin(loud);
}

async function tellPin(loud) {
  // the pinned weight's own number, whatever is pooled on the screen
  const mine = ++pinned, block = { row: pin.row, column: pin.column, step: 1 }, of = field, version = value.version;
  const answer = await exactly(block);
  if (mine !== pinned || !pin || of !== field || version !== value.version) return;
  const numbers = answer ? answer.numbers : null;
  pinText = numbers ? say("pinned", { text: sentence(block, numbers, true) }) : "";
  part("pinned").textContent = pinText;
  if (!loud) return;
  const category = numbers && numbers.length === 3 ? [1, 2, 3].find((which) => numbers[which - 1] > 0.5) || 0 : null;
  const single = numbers && of.pooling === "chance" ? Number(removed(of, numbers[0])) : numbers ? numbers[0] : null;
  const number = category !== null ? category : Number.isFinite(single) ? single : null;
  const column = storedColumn(block.column);
  trigger("select", { row: block.row, column, index: [block.row, column], value: number, field: of.id, key: value.key });
}

function clearPin(loud) {
  if (!pin) return;
  pin = null;
  pinned++;
  delete root.dataset.pin;
  part("pinned").textContent = "";
  drawSoon();
  if (loud) trigger("clear", {});
}

async function pinBlock(block) {
  // of a pooled pixel, the weight that gave it its colour; of a mean, the one under the pointer
  if (block.step === 1 || (field.pooling !== "max" && field.pooling !== "extreme")) {
    setPin(block.exactRow, block.exactColumn, true);
    return;
  }
  const answer = await exactly(block);
  const [row, column] = answer && answer.strongest ? answer.strongest : [block.exactRow, block.exactColumn];
  if (value && row < value.rows && column < value.columns) setPin(row, column, true);
}

function bringIntoSight(row, column) {
  const x = left + (column + 0.5) * scale, y = top_ + (row + 0.5) * scale;
  const edge = Math.min(scale, 20 * ratio);
  if (x >= edge && y >= edge && x <= width - edge && y <= height - edge) return;
  if (x < edge || x > width - edge) left += width / 2 - x;
  if (y < edge || y > height - edge) top_ += height / 2 - y;
  moved();
}

// ------------------------------------------------------------------ pointer, wheel, keys

function place(event) {
  const box = canvas.getBoundingClientRect();
  return { x: (event.clientX - box.left) * width / box.width, y: (event.clientY - box.top) * height / box.height };
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || !value || !width) return;
  canvas.focus({ preventScroll: true });
  const at = place(event);
  drag = { ...at, left, top: top_, far: false };
  canvas.setPointerCapture(event.pointerId);
});

canvas.addEventListener("pointermove", (event) => {
  if (!value || !width) return;
  pointer = place(event);
  hoverLine.setAttribute("aria-live", "off");
  if (drag) {
    if (!drag.far && Math.hypot(pointer.x - drag.x, pointer.y - drag.y) < 4 * ratio) return;
    drag.far = true;
    canvas.classList.add("dragging");
    left = drag.left + pointer.x - drag.x;
    top_ = drag.top + pointer.y - drag.y;
    moved();
    return;
  }
  readPointer();
  drawSoon();
  sendEcho();
});

function endDrag(event, cancelled) {
  if (!drag) return;
  const click = !drag.far && !cancelled;
  drag = null;
  canvas.classList.remove("dragging");
  pointer = place(event);
  const block = pointed();
  if (click && block && !(pin && pin.row === block.exactRow && pin.column === block.exactColumn)) pinBlock(block);
  readPointer();
}
canvas.addEventListener("pointerup", (event) => endDrag(event, false));
canvas.addEventListener("pointercancel", (event) => endDrag(event, true));
canvas.addEventListener("pointerleave", () => { if (!drag) { pointer = null; sendEcho(); readPointer(); drawSoon(); } });

canvas.addEventListener("dblclick", (event) => {
  if (!value || !width) return;
  event.preventDefault();
  const at = place(event);
  zoomTo(scale * 2.5, at.x, at.y);
});

canvas.addEventListener("wheel", (event) => {
  if (!value || !width) return;
  const turned = event.deltaY * [1, 40, 400][event.deltaMode];
  if (turned > 0 && fitted) return;                        // nothing more to zoom out of: let the page scroll
  event.preventDefault();
  const at = pointer = place(event);
  zoomTo(wish * 2 ** (-Math.max(-400, Math.min(400, turned)) / 133), at.x, at.y);
}, { passive: false });

const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
let announce = 0;

function onKey(event) {
  if (!value || !width || event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.key in ARROWS) {
    const [down, along] = ARROWS[event.key];
    if (pin) {
      const step = stepAt(scale);
      const row = Math.min(value.rows - 1, Math.max(0, pin.row + down * step)), column = Math.min(value.columns - 1, Math.max(0, pin.column + along * step));
      setPin(row, column, false);
      bringIntoSight(row, column);
      clearTimeout(announce);
      announce = setTimeout(() => { if (pin) tellPin(true); }, 200);      // one event for a key held down
    } else {
      left -= along * Math.max(scale, width / 8);
      top_ -= down * Math.max(scale, height / 8);
      moved();
    }
    return true;
  }
  const centre = pin ? [left + (pin.column + 0.5) * scale, top_ + (pin.row + 0.5) * scale] : [width / 2, height / 2];
  if (event.key === "+" || event.key === "=") zoomTo(scale * 1.6, ...centre);
  else if (event.key === "-" || event.key === "_" || event.key === "−") zoomTo(scale / 1.6, ...centre);
  else if (event.key === "0") fit();
  else if (event.key === "Enter") {
    const block = pointed() || middle();
    if (block) pinBlock(block);
  } else if (event.key === "Escape" && pin) clearPin(true);
  else return false;
  return true;
}

function middle() {
  const kept = pointer;
  pointer = { x: width / 2, y: height / 2 };
  const block = pointed();
  pointer = kept;
  return block;
}

canvas.addEventListener("keydown", (event) => {
  part("pinned").setAttribute("aria-live", "polite");
  if (!onKey(event)) return;
  event.preventDefault();
  event.stopPropagation();
});
