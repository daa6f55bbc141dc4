// Lists the samples with a box each, and tells which box was switched. Every word comes in props.value.

const root = element.querySelector(".sample-list");
const head = root.querySelector("thead tr"), body = root.querySelector("tbody"), more = root.querySelector(".sample-more");
const KINDS = ["box", "number", "number", "state", "text"];

function cell(row, tag, kind, text) {
  const one = document.createElement(tag);
  one.className = kind;
  one.textContent = text;
  row.append(one);
  return one;
}

function accept() {
  const value = props.value || { rows: [], words: {}, more: "" };
  const words = value.words, focused = document.activeElement && document.activeElement.dataset.index;
  head.textContent = body.textContent = "";
  if (value.rows.length) ["", words.number, words.tokens, words.becomes, words.begins].forEach((text, at) => cell(head, "th", KINDS[at], text));
  for (const sample of value.rows) {
    const row = document.createElement("tr");
    row.className = sample.state;
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = sample.state !== "dropped";
    box.dataset.index = String(sample.index);
    box.setAttribute("aria-label", words.use.replace("{index}", sample.index));
    box.addEventListener("change", () => trigger("select", { index: sample.index }));
    cell(row, "td", "box", "").append(box);
    cell(row, "td", "number", String(sample.index));
    cell(row, "td", "number", String(sample.tokens));
    cell(row, "td", "state", words[sample.state]);
    const text = cell(row, "td", "text", sample.text);
    text.dir = "auto";
    text.title = sample.text;
    body.append(row);
    if (focused === String(sample.index)) box.focus({ preventScroll: true });
  }
  more.textContent = value.more;
}

watch("value", accept);
accept();
