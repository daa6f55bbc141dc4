// Draws blocks × roles as a grid of buttons, and tells which matrix was chosen.
// Knows no measure and no language: every colour and every word comes in props.value.

const root = element.querySelector(".model-map");
const part = (name) => root.querySelector(".model-map-" + name);
const grid = part("grid"), SMALLEST_LABEL = 17;
let value = null, buttons = [], chosen = "";

function add(parent, tag, kind, text) {
  const one = document.createElement(tag);
  if (kind) one.className = kind;
  if (text !== undefined) one.textContent = text;
  parent.append(one);
  return one;
}

function read(cell) {
  const shown = cell || (value && value.cells.find((one) => one.name === chosen));
  part("reading").textContent = shown ? shown.text : value ? value.hint || "" : "";
}

function echo(name, on) {
  // the same matrix on the other maps in sight
  for (const button of document.querySelectorAll(".model-map-grid button"))
    if (button.dataset.name === name && !grid.contains(button)) button.classList.toggle("echo", on);
}

function choose(name) {
  chosen = name;
  for (const one of buttons) {
    const mine = one.cell.name === name;
    one.button.setAttribute("aria-pressed", String(mine));
    one.button.tabIndex = mine ? 0 : -1;
  }
  if (buttons.length && !buttons.some((one) => one.cell.name === name)) buttons[0].button.tabIndex = 0;
  read(null);
}

function draw() {
  const focused = buttons.find((one) => one.button === document.activeElement);
  grid.textContent = "";
  buttons = [];
  const height = props.height || 340;
  const rowHeight = Math.max(12, Math.floor((height - 22) / Math.max(1, value.blocks)) - 2);
  grid.style.maxHeight = height + "px";
  grid.style.gridTemplateColumns = "max-content repeat(" + value.roles.length + ", minmax(28px, 1fr))";
  grid.style.gridTemplateRows = "20px repeat(" + value.blocks + ", " + Math.min(rowHeight, 64) + "px)";
  grid.classList.toggle("small", rowHeight < SMALLEST_LABEL);
  grid.setAttribute("aria-label", value.title);
  add(grid, "span", "side", value.corner);
  for (const role of value.roles) add(grid, "span", "head", role.label).title = role.title;
  const places = new Map();
  for (let block = 0; block < value.blocks; block++) {
    add(grid, "span", "side", String(block));
    for (const role of value.roles) places.set(block + "/" + role.id, add(grid, "span", "model-map-place"));
  }
  for (const cell of value.cells) {
    const place = places.get(cell.block + "/" + cell.role);
    if (!place) continue;
    const button = add(place, "button", cell.colour ? "" : "gap", cell.mark + cell.label);
    button.type = "button";
    button.setAttribute("aria-label", cell.text);
    button.dataset.name = cell.name;
    button.dataset.value = cell.value === null ? "" : String(cell.value);
    if (cell.colour) {
      button.style.background = cell.colour;
      button.style.color = cell.ink;
    }
    const one = { button, cell };
    button.addEventListener("click", () => {
      choose(cell.name);
      trigger("select", { name: cell.name });
    });
    for (const [begin, end] of [["pointerenter", "pointerleave"], ["focus", "blur"]]) {
      button.addEventListener(begin, () => { read(cell); echo(cell.name, true); });
      button.addEventListener(end, () => { read(null); echo(cell.name, false); });
    }
    buttons.push(one);
  }
  choose(value.selected || "");
  if (focused) {
    const again = buttons.find((one) => one.cell.name === focused.cell.name);
    if (again) again.button.focus({ preventScroll: true });
  }
}

function legend() {
  const place = part("legend"), about = value.legend;
  place.textContent = "";
  if (!about) return;
  const scale = add(place, "span", "scale");
  add(scale, "span", "", about.lo);
  add(scale, "span", "bar").style.background = "linear-gradient(to right, " + about.colours.join(", ") + ")";
  add(scale, "span", "", about.hi);
  for (const words of about.words) add(place, "span", "", words);
  if (value.cells.some((cell) => !cell.colour)) {
    const gap = add(place, "span", "");
    add(gap, "span", "gap");
    gap.append(document.createTextNode(about.gap));
  }
}

// Arrow keys: the nearest cell in that direction, by block and by the order of the roles.
grid.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  const here = buttons.find((one) => one.button === document.activeElement);
  if (!step || !here) return;
  event.preventDefault();
  event.stopPropagation();
  const column = (cell) => value.roles.findIndex((role) => role.id === cell.role);
  const ahead = buttons.filter((one) => step[0]
    ? column(one.cell) === column(here.cell) && (one.cell.block - here.cell.block) * step[0] > 0
    : one.cell.block === here.cell.block && (column(one.cell) - column(here.cell)) * step[1] > 0);
  const distance = (one) => Math.abs(one.cell.block - here.cell.block) + Math.abs(column(one.cell) - column(here.cell));
  ahead.sort((one, other) => distance(one) - distance(other));
  if (ahead.length) {
    here.button.tabIndex = -1;
    ahead[0].button.tabIndex = 0;
    ahead[0].button.focus();
  }
});

function accept() {
  value = props.value || null;
  const cells = value && value.cells ? value.cells : [];
  root.dataset.state = cells.length ? "shown" : "empty";
  part("title").textContent = value ? value.title : "";
  part("note").textContent = value ? value.note : "";
  if (cells.length) {
    draw();
    legend();
  } else {
    grid.textContent = "";
    buttons = [];
  }
  root.classList.toggle("stale", Boolean(value && value.stale));
}

watch("value", accept);
accept();
