// Lists rows with a button each, and listens to clicks on the marks of the charts beside it. Every word comes in props.value.

const root = element.querySelector(".point-table"), charts = CHARTS;
const head = root.querySelector("thead tr"), body = root.querySelector("tbody");

function cell(row, tag, text, kind) {
  const one = document.createElement(tag);
  one.textContent = text;
  if (kind) one.className = kind;
  row.append(one);
  return one;
}

function accept() {
  const value = props.value || { heads: [], rows: [], load: "", label: "" };
  const held = root.contains(document.activeElement) ? document.activeElement.dataset.number : undefined;
  root.setAttribute("role", "region");
  root.setAttribute("aria-label", value.label);
  head.textContent = body.textContent = "";
  if (value.rows.length) cell(head, "th", "", "action");
  value.heads.forEach((text) => cell(head, "th", text));
  for (const point of value.rows) {
    const row = document.createElement("tr"), button = document.createElement("button");
    button.type = "button";
    button.textContent = value.load;
    button.dataset.number = String(point.number);
    button.setAttribute("aria-label", point.name);
    button.addEventListener("click", () => trigger("select", { number: point.number }));
    cell(row, "td", "", "action").append(button);
    point.cells.forEach((text) => cell(row, "td", text));
    body.append(row);
    if (held === String(point.number)) button.focus({ preventScroll: true });
  }
}

// A chart is made anew at every update: each new one is listened to once.
const heard = new WeakSet();
function listen() {
  if (!element.isConnected) return watcher.disconnect();
  for (const chart of charts ? document.querySelectorAll(`:is(${charts}) .js-plotly-plot`) : []) {
    if (heard.has(chart) || typeof chart.on !== "function") continue;
    heard.add(chart);
    chart.on("plotly_click", (event) => {
      const number = ((event.points[0] || {}).customdata || [])[0];
      if (Number.isInteger(number)) trigger("select", { number });
    });
  }
}
const watcher = new MutationObserver(listen);
watcher.observe(document.body, { childList: true, subtree: true });
watch("value", accept);
accept();
