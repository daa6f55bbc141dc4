// Draws both answers and lets the slider and the buttons change them: from the value, or by asking the server.

import { append, find, listenWhile } from "../shared/dom.js";
import { fillSentence } from "../shared/sentences.js";
import { choosePromptOf, describeStops, findShipped, judge, makeScreen, nameRun, nameStop } from "./screens.js";

/**
 * @typedef {import("./screens.js").Screen} Screen
 * @typedef {import("./screens.js").Place} Place
 * @typedef {import("./screens.js").Answer} Answer
 * @typedef {import("./screens.js").Value} Value
 * @typedef {{ live_answer: (wanted: object) => Promise<(Answer & { error?: undefined }) | { error: string } | null> }} Server
 *
 * @typedef {object} View
 * @property {HTMLElement} root
 * @property {Value} value
 * @property {string} of "example", or the own run whose answers are kept; a change of it drops them
 * @property {Place} place
 * @property {string} own the question that was typed last
 * @property {Map<string, Answer>} answers those seen so far, by nameStop
 * @property {boolean} asking
 * @property {Screen} shown
 * @property {Server} server
 * @property {(prompt: string) => void} select
 * @property {(method: string, percent: number) => void} apply
 * @property {boolean} leads whether the rest of the page is told that it stands elsewhere than what is applied
 */

/** @type {Screen} */
const NO_SCREEN = { headline: "", asked: "", dense: "", pruned: "", mark: null, parting: "", big: "", tag: "", lost: "" };
/** @type {WeakMap<HTMLButtonElement, () => void>} */
const CHOICES = new WeakMap(); // what a button does, which changes with the value
/** @type {Value} */
const NOTHING = { screen: NO_SCREEN, prompts: [], example: null, live: null, words: {} };

/**
 * @param {import("../shared/gradio.js").Gradio<Value, unknown, Server>} gradio
 * @param {{ resets: string, leads: boolean }} config resets: selector of a button of the page that puts the slider back
 */
export function start({ element, props, trigger, watch, server }, { resets, leads }) {
  /** @type {View} */
  const view = {
    root: find(element, ".answer-slider"), value: NOTHING, of: "", place: { prompt: "", method: "", stop: 0 }, own: "",
    answers: new Map(), asking: false, shown: NO_SCREEN, server, select: (prompt) => trigger("select", { prompt }),
    apply: (method, percent) => trigger("apply", { place: [method, percent] }), leads };
  const slider = findInput(view, "range"), form = find(view.root, ".answer-own");
  slider.addEventListener("input", () => go(view, { stop: Number(slider.value) }));
  find(view.root, ".answer-apply").addEventListener("click", () => {
    const { place: { method, stop }, value: { live } } = view;
    if (live) view.apply(method, live.sparsities[stop]);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    askOwn(view);
  });
  listenWhile(element, "click", ({ target }) => {
    if (!resets || !(target instanceof Element) || !target.closest(resets)) return;
    Object.assign(view, { of: "", own: "", place: { ...view.place, prompt: "" } });
    take(view, view.value);
  });
  const accept = () => take(view, props.value || NOTHING);
  watch("value", accept);
  accept();
}

/**
 * @param {View} view
 * @param {"range" | "text"} type
 * @returns {HTMLInputElement}
 */
function findInput({ root }, type) {
  return find(root, "input[type=" + type + "]");
}

/**
 * Show a new value. Where it belongs to the same run, the slider stays where the visitor has put it.
 * @param {View} view
 * @param {Value} value
 */
function take(view, value) {
  const { example, live } = value, of = nameRun(value);
  if (view.of !== of) {
    const prompt = choosePromptOf(view, value);
    Object.assign(view, { of, answers: new Map(), own: prompt === view.own ? view.own : "" });
    view.place = { prompt, ...(example || live)?.at || { method: "", stop: 0 } };
    if (!view.own) findInput(view, "text").value = "";
  } else if (!example && value.prompts[0] !== view.value.prompts[0]) view.place.prompt = ""; // other questions: none is asked yet
  view.value = value;
  view.shown = value.screen || NO_SCREEN;
  go(view, {});
}

/** @param {View} view */
function askOwn(view) {
  const prompt = findInput(view, "text").value.trim();
  if (!prompt) return;
  view.own = prompt;
  choosePrompt(view, prompt);
}

/**
 * @param {View} view
 * @param {string} prompt
 */
function choosePrompt(view, prompt) {
  const { live } = view.value;
  if (live?.key || findShipped(view.value, { ...view.place, prompt })) {
    go(view, { prompt });
    return;
  }
  if (live) go(view, live.at); // the answer is the applied copy's: the slider goes back to it
  view.select(prompt);
}

/**
 * Go to another place, and show the answers there; until they have come, those before. A slider that is moved before any
 * question was chosen asks the first one.
 * @param {View} view
 * @param {Partial<Place>} move
 */
function go(view, move) {
  view.place = { ...view.place, ...move };
  const { value, place, answers } = view;
  if (!place.prompt && (move.method !== undefined || move.stop !== undefined)) place.prompt = value.prompts[0] || "";
  const name = nameStop(place), shipped = findShipped(value, place);
  if (shipped) answers.set(name, shipped);
  const answer = answers.get(name);
  if (answer) view.shown = makeScreen(value, place, answer);
  draw(view);
  if (!answer?.whole && place.prompt && value.live?.key) fetchAnswer(view, value.live, answer !== undefined);
}

/**
 * Ask the server, one question at a time; the newest place wins. Where the slider rests, the whole answer is asked for.
 * @param {View} view
 * @param {import("./screens.js").Live} live
 * @param {boolean} whole
 */
async function fetchAnswer(view, { key, sparsities }, whole) {
  if (view.asking) return;
  view.asking = true;
  const { place } = view, { prompt, method, stop } = place, name = nameStop(place);
  const told = await view.server.live_answer({ key, prompt, method, percent: sparsities[stop], whole }).catch(() => null);
  view.asking = false;
  if (view.value.live?.key !== key) { // another run is shown by now
    go(view, {});
    return;
  }
  if (told && told.error === undefined) view.answers.set(name, told);
  else if (nameStop(view.place) === name) {
    const failed = view.value.words["live_" + (told?.error || "failed")] || view.value.words.live_failed;
    view.shown = { ...NO_SCREEN, dense: failed, pruned: failed };
    draw(view);
    view.root.classList.remove("late");
    return;
  }
  go(view, {});
}

/** @param {View} view */
function draw(view) {
  const { root, value: { example, live } } = view;
  root.classList.toggle("has-slider", Boolean(example || live));
  root.classList.toggle("has-own", Boolean(live));
  root.classList.toggle("has-strip", Boolean(example || live?.key));
  root.classList.toggle("late", isLate(view));
  drawPrompts(view);
  if (example || live) {
    drawControls(view);
    drawStrip(view);
    drawApply(view);
  }
  drawScreen(view, view.shown);
}

/**
 * Return whether the answers on screen are not those of where the slider stands.
 * @param {View} view
 */
function isLate({ place, answers, value: { live } }) {
  if (!live) return false;
  return live.key ? Boolean(place.prompt) && !answers.has(nameStop(place)) : live.at.method !== place.method || live.at.stop !== place.stop;
}

/** @param {View} view */
function drawPrompts(view) {
  const { root, own, value: { prompts, example, live, words }, place } = view, box = find(root, ".answer-prompts");
  drawChoices(box, [...prompts, ...(own && !prompts.includes(own) ? [own] : [])].map((prompt) => ({
    label: prompt, kind: "example-prompt", pressed: example || live ? prompt === place.prompt : null,
    choose: () => choosePrompt(view, prompt) })));
  box.setAttribute("aria-label", words.prompts || "");
  box.hidden = !prompts.length;
  findInput(view, "text").placeholder = words.own_question || "";
  findInput(view, "text").setAttribute("aria-label", words.own_question || "");
  find(root, ".answer-own button").textContent = words.ask || "";
}

/** @param {View} view */
function drawControls(view) {
  const { root, place, value: { example, live, words } } = view, methods = find(root, ".answer-methods");
  const { sparsities } = /** @type {{ sparsities: number[] }} */ (example || live);
  const labels = live ? Object.entries(live.methods) : Object.entries(example?.methods || {}).map(([name, { label }]) => [name, label]);
  const slider = findInput(view, "range"), share = sparsities[place.stop] + " %";
  drawChoices(methods, labels.map(([method, label]) => ({
    label, kind: "", pressed: method === place.method, choose: () => go(view, { method }) })));
  methods.setAttribute("aria-label", words.methods);
  find(root, ".answer-removed").textContent = words.sparsity;
  slider.max = String(sparsities.length - 1);
  slider.value = String(place.stop);
  slider.setAttribute("style", "--reached: " + 100 * place.stop / Math.max(1, sparsities.length - 1) + "%");
  slider.setAttribute("aria-valuetext", share);
  find(root, "output").textContent = share;
}

/**
 * Draw buttons of which one may be pressed. Where there are as many as before, they stay: a click may be under way.
 * @param {HTMLElement} box
 * @param {{ label: string, kind: string, pressed: boolean | null, choose: () => void }[]} choices
 */
function drawChoices(box, choices) {
  const kept = /** @type {HTMLButtonElement[]} */ ([...box.children]);
  for (const button of kept.slice(choices.length)) button.remove();
  choices.forEach(({ label, kind, pressed, choose }, number) => {
    const button = kept[number] || append(box, "button", kind);
    if (!kept[number]) button.addEventListener("click", () => CHOICES.get(button)?.());
    CHOICES.set(button, choose);
    button.type = "button";
    if (button.textContent !== label) button.textContent = label;
    button.title = label;
    button.setAttribute("aria-pressed", String(pressed === true));
  });
}

/** @param {View} view */
function drawStrip({ root, place, answers, value: { example, live, words } }) {
  const { sparsities } = /** @type {{ sparsities: number[] }} */ (example || live), strip = find(root, ".answer-strip");
  const verdicts = sparsities.map((_, stop) => judge(answers.get(nameStop({ ...place, stop }))));
  const outside = answers.get(nameStop(place))?.outside ? words.outside : "";
  const told = [describeStops(verdicts, sparsities, words), outside].filter(Boolean).join(" · ");
  strip.textContent = "";
  verdicts.forEach((verdict, stop) => {
    const [kind, sign] = !verdict ? ["", ""] : verdict.good ? ["right", verdict.known ? "✓" : "="] : ["wrong", verdict.known ? "×" : "≠"];
    const cell = append(strip, "i", kind, sign);
    cell.title = sparsities[stop] + " %";
    if (stop === place.stop) cell.classList.add("here");
  });
  find(root, ".answer-told").textContent = told;
}

/**
 * The button that applies what is chosen here; it can be pressed where that is not applied already.
 * @param {View} view
 */
function drawApply({ root, leads, place: { method, stop }, value: { live, words } }) {
  const button = /** @type {HTMLButtonElement} */ (find(root, ".answer-apply"));
  const name = live?.took ? fillSentence(words.apply_took, { time: live.took }) : words.apply;
  if (button.textContent !== name) button.textContent = name;
  const moved = Boolean(live && (live.at.method !== method || live.at.stop !== stop));
  button.disabled = !live || (live.current && !moved);
  button.title = live ? fillSentence(words.apply_all, { method: live.methods[method], share: live.sparsities[stop] }) : "";
  const told = live && moved ? fillSentence(words.elsewhere, {
    method: live.methods[method], share: live.sparsities[stop], applied_method: live.methods[live.at.method], applied: live.sparsities[live.at.stop] }) : "";
  if (leads) document.dispatchEvent(new CustomEvent("slider-elsewhere", { detail: { told } }));
}

/**
 * @param {View} view
 * @param {Screen} screen
 */
function drawScreen({ root, value: { words } }, screen) {
  find(root, ".headline").textContent = screen.headline;
  for (const side of /** @type {const} */ (["dense", "pruned"])) {
    const pane = find(root, ".answer-" + side), title = find(pane, ".pane-title"), box = find(pane, ".chat");
    title.textContent = "";
    box.setAttribute("aria-label", words[side] || "");
    append(title, "b", side + "-colour", words[side]);
    if (side === "pruned") append(title, "span", "parting-line", screen.parting).dataset.announce = "parting";
    const shown = JSON.stringify([screen.asked, screen[side], side === "pruned" && screen.mark]);
    if (box.dataset.shown === shown) continue; // a screen reader would say it again
    box.dataset.shown = shown;
    box.textContent = "";
    if (screen.asked) drawAnswer(box, side, screen);
    else append(box, "div", "empty", screen[side]);
  }
  find(root, ".big").textContent = screen.big;
  find(root, ".cost .tag").textContent = screen.tag;
  const lost = find(root, ".answer-lost");
  lost.textContent = screen.lost;
  lost.dataset.said = screen.big ? "" : screen.lost; // beside a cost that is told, perplexity need not be
}

/**
 * @param {HTMLElement} box
 * @param {"dense" | "pruned"} side
 * @param {Screen} screen
 */
function drawAnswer(box, side, screen) {
  append(box, "div", "asked", screen.asked);
  const said = append(box, "div", "said " + side), text = [...screen[side]];
  said.dataset.side = side;
  const [from, to] = side === "pruned" && screen.mark || [text.length, text.length];
  said.append(text.slice(0, from).join(""));
  if (from < to) append(said, "mark", "parting", text.slice(from, to).join(""));
  said.append(text.slice(to).join("") || (text.length ? "" : "…"));
}
