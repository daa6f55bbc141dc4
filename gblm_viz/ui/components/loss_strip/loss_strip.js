// Draws a window of tokens by what was lost on each, and tells of the one in focus. Every word comes in props.value.
const COLOUR = COLOURS;

const root = element.querySelector(".loss-strip");
const title = root.querySelector(".strip-title"), strip = root.querySelector(".strip-tokens");
const legend = root.querySelector(".strip-legend"), sentence = root.querySelector(".strip-sentence");
const head = root.querySelector("thead"), body = root.querySelector("tbody");
const NOTHING = { tokens: [], words: {}, strongest: [], start: 0, full: 1, title: "" };
const LINES = [[0.1, 0], [0.5, 1], [1.5, 2], [Infinity, 4]];            // nats up to which the line is so thick, in pixels
let value = NOTHING, at = 0;

const filled = (text, fields) => text.replace(/\{(\w+)\}/g, (all, name) => (name in fields ? fields[name] : all));
const nats = (number) => number.toFixed(2);
const percent = (share) => (share >= 0.9995 ? "> 99.9" : share < 0.001 ? "< 0.1" : (100 * share).toFixed(1)) + " %";
const seen = (text) => (text === "" ? "…" : text.replace(/\n/g, "⏎").replace(/^ | $/g, "␣"));

function make(parent, tag, kind, text) {
  const one = document.createElement(tag);
  if (kind) one.className = kind;
  one.textContent = text;
  parent.append(one);
  return one;
}

function verdict(token) {
  if (!token.dense) return value.words.first;
  const size = nats(Math.abs(token.difference));
  if (Number(size) === 0) return value.words.same;
  return filled(value.words[token.difference > 0 ? "worse" : "better"], { size });
}

function look(one, token) {
  const depth = Math.min(1, Math.abs(token.difference) / value.full), worse = token.difference >= 0;
  const line = LINES.find(([most]) => Math.abs(token.difference) < most)[1];
  one.style.background = depth < 0.01 ? "" : `color-mix(in srgb, ${worse ? COLOUR.removed : COLOUR.kept} ${(8 + 52 * depth).toFixed(0)}%, transparent)`;
  one.style.borderBottom = `${line || 1}px ${worse ? "solid" : "dotted"} ${line ? "currentColor" : "transparent"}`;
}

function draw() {
  const words = value.words, count = value.tokens.length;
  strip.textContent = "";
  title.textContent = value.title;
  legend.textContent = words.legend || "";
  strip.setAttribute("aria-label", value.title);
  value.tokens.forEach((token, place) => {
    const one = make(strip, "span", "", token.text.replace(/\n/g, "⏎\n") || "·");
    one.setAttribute("role", "option");
    one.setAttribute("aria-label", `${seen(token.text)}, ${verdict(token)}, ${filled(words.place, { place: place + 1, count })}`);
    one.dataset.place = place;
    if (value.strongest.includes(place)) make(one, "i", "peak", "▲").setAttribute("aria-hidden", "true");
    look(one, token);
  });
}

function go(place, focus) {
  const options = strip.children, old = options[at];
  if (!options.length) return tell(null);
  at = Math.max(0, Math.min(options.length - 1, place));
  if (old) old.tabIndex = -1;
  for (const one of options) one.setAttribute("aria-selected", "false");
  const now = options[at];
  for (const one of options) if (one !== now) one.tabIndex = -1;
  now.tabIndex = 0;
  now.setAttribute("aria-selected", "true");
  if (focus) now.focus({ preventScroll: true });
  const box = now.getBoundingClientRect(), frame = strip.getBoundingClientRect();   // scroll the strip, never the page
  if (box.top < frame.top) strip.scrollTop -= frame.top - box.top + 4;
  if (box.bottom > frame.bottom) strip.scrollTop += box.bottom - frame.bottom + 4;
  tell(value.tokens[at]);
}

function tell(token) {
  const words = value.words;
  head.textContent = body.textContent = sentence.textContent = "";
  if (!token) return;
  make(sentence, "b", "", filled(words.place, { place: at + 1, count: value.tokens.length }));
  make(sentence, "code", "", seen(token.text));
  make(sentence, "span", "", verdict(token));
  const row = make(head, "tr", "", "");
  [["", ""], [words.loss, "number"], [words.probability, "number"], [words.rank, "number"], [words.best, ""]].forEach(([text, kind]) => make(row, "th", kind, text));
  for (const side of ["dense", "pruned"]) {
    const found = token[side], line = make(body, "tr", side, "");
    make(line, "th", side + "-colour", (side === "dense" ? "● " : "▲ ") + words[side]).scope = "row";
    make(line, "td", "number", found ? nats(found.loss) : "–");
    make(line, "td", "number", found ? percent(Math.exp(-found.loss)) : "–");
    make(line, "td", "number", found ? String(found.rank) : "–");
    const said = make(line, "td", "best", "");
    if (!found) { said.textContent = "–"; continue; }
    make(said, "code", "", seen(found.best));
    make(said, "span", "", percent(found.best_probability));
  }
}

function above(direction) {
  // the token over or under this one: of the next line, the one whose middle is nearest
  const now = strip.children[at].getBoundingClientRect(), middle = now.left + now.width / 2;
  let best = at, far = Infinity;
  for (const one of strip.children) {
    const box = one.getBoundingClientRect(), lines = (box.top - now.top) * direction;
    if (lines < now.height / 2) continue;
    const distance = lines * 10000 + Math.abs(box.left + box.width / 2 - middle);
    if (distance < far) { far = distance; best = Number(one.dataset.place); }
  }
  return best;
}

strip.addEventListener("keydown", (event) => {
  const places = { ArrowRight: () => at + 1, ArrowLeft: () => at - 1, ArrowDown: () => above(1), ArrowUp: () => above(-1), Home: () => 0, End: () => strip.children.length - 1 };
  const steps = { PageDown: 1, PageUp: -1 };
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (places[event.key]) go(places[event.key](), true);
  else if (steps[event.key]) trigger("select", { step: steps[event.key] });
  else return;
  event.preventDefault();
});
strip.addEventListener("click", (event) => {
  const one = event.target.closest("[data-place]");
  if (one) go(Number(one.dataset.place), true);
});

function rows() {
  // every token with both models' numbers: what is saved as CSV
  const words = value.words, sides = ["dense", "pruned"];
  const heads = [words.loss, words.probability, words.rank, words.best, words.best_probability];
  const cells = (found) => (found ? [found.loss, Math.exp(-found.loss), found.rank, found.best, found.best_probability] : heads.map(() => ""));
  return [[words.number, words.token, words.difference, ...sides.flatMap((side) => heads.map((head) => `${words[side]}: ${head}`))],
    ...value.tokens.map((token, place) => [place + 1, token.text, token.dense ? token.difference : "", ...sides.flatMap((side) => cells(token[side]))])];
}

function accept() {
  const focused = strip.contains(document.activeElement);
  value = props.value || NOTHING;
  root.dataset.count = value.tokens.length;
  draw();
  if (value.tokens.length) Object.assign(root.dataset, { rows: JSON.stringify(rows()), made: value.made });
  strip.scrollTop = 0;
  go(value.start, focused);
}

watch("value", accept);
accept();
