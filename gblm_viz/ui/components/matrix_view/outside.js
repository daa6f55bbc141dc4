
// ------------------------------------------------------------------ what comes from outside

function accept() {
  const before = value, next = props.value;
  if (!next || !next.key) {
    value = field = tile = overview = live = heard = null;
    delete root.dataset.live;
    root.dataset.state = "empty";
    for (const name of ["title", "fields", "hover", "pinned", "legend", "cells", "message"]) part(name).textContent = "";
    drawSoon();
    return;
  }
  const same = before && before.version === next.version && before.key === next.key;
  value = same ? { ...next, fields: before.fields } : next;
  words = next.words;
  root.dataset.rows = next.rows;
  root.dataset.columns = next.columns;
  part("title").textContent = next.title;
  canvas.setAttribute("aria-label", say("canvas", { title: next.title, rows: next.rows, columns: next.columns }));
  for (const [axis, name] of [["columns", "profiles_columns"], ["rows", "profiles_rows"]]) strips[axis].setAttribute("aria-label", words[name]);
  part("goto").placeholder = words.goto_short;
  part("goto").setAttribute("aria-label", words.goto);
  part("goto").title = words.goto;
  for (const [name, key] of [["in", "zoom_in"], ["out", "zoom_out"], ["fit", "fit"], ["table", "table"], ["png", "save_picture"], ["csv", "save_numbers"]]) {
    const button = root.querySelector("[data-do=" + name + "]");
    button.title = words[key];
    button.setAttribute("aria-label", words[key]);
  }
  const find = (id) => next.fields.find((one) => one.id === id);
  if (!same) field = find(next.field) || (field && find(field.id)) || next.fields[0];
  root.dataset.field = field.id;
  drawSwitch();
  if (!same) {
    // the old picture stays on the screen, with its own legend, until the new one arrives
    delete root.dataset.error;
    overview = null;
    legendOf = "";
    failed = false;
    probe.of = "";
    live = heard = null;
    delete root.dataset.live;
    if (tile && before && before.title !== next.title) root.dataset.older = "";   // faded: its title is already the new one's
    show("loading", tile ? "" : words.loading);
    const moved = before && JSON.stringify(before.sorted) !== JSON.stringify(next.sorted);
    if (moved) clearPin(false);
    if (!before || before.rows !== next.rows || before.columns !== next.columns) {
      tile = null;
      clearPin(false);
      fitted = true;
    }
  }
  const at = next.pin && [next.pin[0], shownColumn(next.pin[1])];
  if (at) setPin(...at, false);
  else if (pin && before && JSON.stringify(before.pin) !== JSON.stringify(next.pin)) clearPin(false);
  else if (pin) tellPin(false);
  tell("");
  if (!width) return;
  if (fitted) fit();
  else {
    moved();
    refreshOverview();
  }
  if (at) bringIntoSight(...at);
}

function resized() {
  if (!element.isConnected) {
    sizes.disconnect();
    themes.disconnect();
    return;
  }
  const box = canvas.getBoundingClientRect();
  if (box.width < 2 || box.height < 2) return;              // in a tab that is not shown
  const most = Math.sqrt(MOST_PIXELS / (box.width * box.height));
  const nextRatio = Math.min(window.devicePixelRatio || 1, most);
  const wide = Math.max(1, Math.round(box.width * nextRatio)), tall = Math.max(1, Math.round(box.height * nextRatio));
  if (wide === width && tall === height && nextRatio === ratio) return;
  const middleColumn = (width / 2 - left) / scale, middleRow = (height / 2 - top_) / scale, first = !width;
  width = canvas.width = wide;
  height = canvas.height = tall;
  if (nextRatio !== ratio) scale *= nextRatio / ratio;
  ratio = nextRatio;
  if (!value) drawSoon();
  else if (first || fitted) {
    fit();
    if (first && pin) bringIntoSight(pin.row, pin.column);
  } else {
    scale = wish = snap(scale);
    left = width / 2 - middleColumn * scale;
    top_ = height / 2 - middleRow * scale;
    moved();
  }
  draw();
}

// The lines above and below have their usual room; where one wraps the view grows and the canvas stays as it is.
stage.style.height = (props.height || 420) - 130 + "px";
const sizes = new ResizeObserver(resized);
sizes.observe(canvas);
const themes = new MutationObserver(() => { theme = null; drawSoon(); });
themes.observe(document.body, { attributes: true, attributeFilter: ["class"] });
watch("value", accept);
accept();
resized();
