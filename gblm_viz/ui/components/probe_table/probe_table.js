// Lists a page of probes, and tells which head, row or page was asked for. Every word comes in props.value.

const root = element.querySelector(".probe-table");
const head = root.querySelector("thead tr"), body = root.querySelector("tbody");
const [back, on] = root.querySelectorAll(".probe-pages button"), told = root.querySelector(".probe-pages span");
const save = root.querySelector(".save"), fetched = (window.gblmFetched ||= new Set());    // a file comes once, however often its value does
const ARROWS = { ascending: " ▴", descending: " ▾", none: "" };

function button(parent, key, text, asked) {
  const one = document.createElement("button");
  one.type = "button";
  one.dataset.key = key;
  one.textContent = text;
  one.addEventListener("click", (event) => { event.stopPropagation(); trigger("select", { asked }); });
  parent.append(one);
  return one;
}

function cell(row, tag, kind) {
  const one = document.createElement(tag);
  one.className = kind;
  row.append(one);
  return one;
}

function fetchOnce(file) {
  const link = document.createElement("a");
  link.href = file;
  link.download = "";
  fetched.add(file);
  link.click();
}

function accept() {
  const value = props.value || { columns: [], lines: [], pages: { told: "" }, words: {} };
  const active = root.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  head.textContent = body.textContent = "";
  for (const column of value.columns) {
    const one = cell(head, "th", column.kind);
    one.setAttribute("aria-sort", column.sorted);
    if (column.name) button(one, "sort " + column.name, column.title + ARROWS[column.sorted], ["sort", column.name]);
    else one.textContent = column.title;
  }
  value.lines.forEach((line, place) => {
    const row = document.createElement("tr");
    row.className = line.fate;
    row.dataset.index = line.index;
    line.cells.forEach((text, at) => {
      const column = value.columns[at], one = cell(row, "td", column.kind);
      one.dir = "auto";
      one.title = text;
      if (column.kind === "prompt") button(one, "row " + place, text, ["open", line.index]).title = value.words.ask + "\n" + text;
      else one.textContent = text;
    });
    row.addEventListener("click", () => trigger("select", { asked: ["open", line.index] }));
    body.append(row);
  });
  back.textContent = value.words.back || "";
  on.textContent = value.words.on || "";
  back.disabled = !value.pages.before;
  on.disabled = !value.pages.after;
  told.textContent = value.pages.told;
  root.querySelector(".probe-pages").hidden = !value.lines.length;
  root.dataset.lines = value.lines.length;
  save.title = value.words.save || "";
  save.setAttribute("aria-label", save.title);
  if (value.file && !fetched.has(value.file)) fetchOnce(value.file);
  const again = active && [...root.querySelectorAll("button")].find((one) => one.dataset.key === active && !one.disabled);
  if (again) again.focus({ preventScroll: true });
}

back.dataset.key = "back";
on.dataset.key = "on";
back.addEventListener("click", () => trigger("select", { asked: ["page", -1] }));
save.addEventListener("click", (event) => { event.preventDefault(); trigger("select", { asked: ["save", ""] }); });
on.addEventListener("click", () => trigger("select", { asked: ["page", 1] }));
body.addEventListener("keydown", (event) => {
  const rows = [...body.querySelectorAll("button")], at = rows.indexOf(document.activeElement);
  const next = rows[at + ({ ArrowDown: 1, ArrowUp: -1 }[event.key] || 0)];
  if (at >= 0 && next && next !== rows[at]) {
    next.focus();
    event.preventDefault();
  } else if (event.key === "PageDown" && !on.disabled) { on.click(); event.preventDefault(); }
  else if (event.key === "PageUp" && !back.disabled) { back.click(); event.preventDefault(); }
});

watch("value", accept);
accept();
