// Draws a few weights with the numbers of their score, each to be changed. Every word comes in props.value.

const root = element.querySelector(".hand-row");
const head = root.querySelector("thead"), body = root.querySelector("tbody"), told = root.querySelector(".hand-told");

function digits(value) {
  // three significant digits, no trailing zeros
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e4 ? String(Number(value.toPrecision(3))) : value.toExponential(1).replace("e+", "e");
}

function line(parent, title, entries, fill) {
  const row = document.createElement("tr"), name = document.createElement("th");
  name.scope = "row";
  name.textContent = title;
  row.append(name);
  for (const entry of entries) {
    const cell = document.createElement("td");
    if (entry.pinned) cell.className = "pinned";
    fill(cell, entry);
    row.append(cell);
  }
  parent.append(row);
}

function field(cell, entry, name, value) {
  const number = entry.numbers[name], key = name + " " + entry.column;
  if (number === null) {
    cell.textContent = "–";
    return;
  }
  const box = document.createElement("input");
  box.type = "text";
  box.inputMode = "decimal";
  box.value = digits(number);
  box.dataset.key = key;
  box.setAttribute("aria-label", value.words[name] + ", " + value.words.column + " " + entry.column);
  box.className = value.changed.includes(key) ? "changed" : "";
  box.addEventListener("change", () => {
    const text = box.value.trim().replace(",", ".");
    const wanted = text === "" ? null : Number(text);
    if (wanted !== null && !(Number.isFinite(wanted) && wanted >= 0)) {
      box.value = digits(number);                        // no number: what stood there stays
      return;
    }
    trigger("select", { change: [name, entry.column, wanted] });
  });
  cell.append(box);
}

function accept() {
  const value = props.value || { entries: [], fields: [], changed: [], words: {}, told: "" };
  const focused = document.activeElement && root.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  head.textContent = body.textContent = "";
  told.textContent = value.told;
  if (!value.entries.length) return;
  line(head, value.words.column, value.entries, (cell, entry) => { cell.textContent = entry.column; });
  for (const name of value.fields) line(body, value.words[name], value.entries, (cell, entry) => field(cell, entry, name, value));
  line(body, value.words.score, value.entries, (cell, entry) => { cell.textContent = digits(entry.score); });
  line(body, value.words.place, value.entries, (cell, entry) => { cell.textContent = entry.rank; });
  line(body, value.words.fate, value.entries, (cell, entry) => {
    cell.textContent = entry.removed ? "× " + value.words.goes : "· " + value.words.stays;
    cell.className = (entry.removed ? "goes" : "stays") + (entry.flipped ? " flipped" : "");
    cell.dataset.column = entry.column;
    cell.dataset.removed = entry.removed ? "1" : "0";
  });
  const again = focused && [...root.querySelectorAll("input")].find((one) => one.dataset.key === focused);
  if (again) again.focus({ preventScroll: true });
}

watch("value", accept);
accept();
