// Leads through a way: asks the server for a step, collects guesses, watches the page for what completes the step.

import { replaceQuery } from "../shared/address.js";
import { find, isInside, listenWhile, whenDrawn } from "../shared/dom.js";
import { drawGuess, drawPanel } from "./drawing.js";
import { getPage, isTabOpen, waitFor } from "../shared/panels.js";
import { mark, openPlace, readSlider, scrollTo } from "./stage.js";
import { isMet, isReached, judge, makeProgress, placeInQuery, readAddress, readProgress } from "./steps.js";

/**
 * @typedef {import("./steps.js").Value} Value
 * @typedef {import("./steps.js").Way} Way
 * @typedef {import("./steps.js").Words} Words
 *
 * @typedef {object} View
 * @property {HTMLElement} root
 * @property {Way[]} ways
 * @property {Words} words
 * @property {string} language
 * @property {"" | "ways" | "step" | "end"} mode "" = closed
 * @property {Value} value
 * @property {import("./steps.js").Progress} progress
 * @property {boolean} hinted
 * @property {boolean} away the visitor has left what the step set up
 * @property {boolean} complete
 * @property {boolean} before it was so before the step began
 * @property {number} since when it became complete
 * @property {number} going counts the steps that were asked for
 * @property {number} following counts the times that the page was scrolled to what is framed
 * @property {boolean} asking a look is under way
 * @property {ReturnType<typeof setTimeout> | 0} timer of the next look
 * @property {(wish: string) => void} wish
 * @property {(way: string, number: number) => void} go
 * @property {(way: string) => void} begin
 * @property {(number: number) => void} repeat
 * @property {(given: string | number) => void} answer
 */

const KEPT = "gblm-guide";
const QUIET = 600, FRESH = 20_000, LONGEST_LOOK = 4000; // milliseconds
/** @type {Value} */
const NOTHING = {
  step: "", turn: 0, guessed: false, ready: false, lacks: "", texts: {}, guess: null, settled: null, done: [], cover: "",
  place: { tab: "", panel: "", view: "", show: [], highlight: "" }, moved: false, table: null };

/**
 * @param {import("../shared/gradio.js").Gradio<Value>} gradio
 * @param {{ ways: Way[], words: Words, opens: string }} config opens: selector of the button that opens the panel
 */
export function start({ element, props, trigger, watch }, { ways, words, opens }) {
  const root = find(element, ".guide-panel");
  /** @type {View} */
  const view = {
    root, ways, words, language: document.documentElement.lang || "en", mode: "", value: NOTHING,
    progress: readProgress(window.sessionStorage.getItem(KEPT)), hinted: false, away: false, complete: false, before: false,
    since: 0, going: 0, following: 0, asking: false, timer: 0, wish: (wish) => trigger("select", { wish }),
    go: (way, number) => goTo(view, way, number), begin: (way) => beginWay(view, way),
    repeat: (number) => repeatStep(view, number), answer: (given) => takeAnswer(view, given) };
  root.setAttribute("aria-label", words.open);
  nameButtons(view);
  wireButtons(view);
  wirePage(view, element, opens);
  watch("value", () => accept(view, props.value || NOTHING));
  resume(view);
}

/** @param {View} view */
function nameButtons({ root, words }) {
  for (const [kind, word] of [["goto", "goto"], ["ways", "ways"], ["back", "back"], ["show", "hint"]]) find(root, ".guide-" + kind).textContent = words[word];
  const button = find(root, ".guide-close");
  button.title = words.close;
  button.setAttribute("aria-label", words.close);
}

/** @param {View} view */
function wireButtons(view) {
  const { root } = view, form = find(root, ".guide-number");
  /** @type {[string, () => void][]} */
  const acts = [
    ["next", () => move(view, 1)], ["back", () => move(view, -1)], ["goto", () => goTo(view, view.progress.way, view.progress.number)],
    ["ways", () => show(view, "ways")], ["close", () => close(view)],
    ["show", () => { view.hinted = true; drawPanel(view); }]];
  for (const [kind, act] of acts) find(root, ".guide-" + kind).addEventListener("click", act);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    takeAnswer(view, Number(/** @type {HTMLInputElement} */ (find(form, "input")).value));
  });
  form.addEventListener("input", () => drawGuess(view));
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") close(view);
    else if (view.mode === "step" && !isInside(event.target, "input") && event.key === "ArrowRight") move(view, 1);
    else if (view.mode === "step" && !isInside(event.target, "input") && event.key === "ArrowLeft") move(view, -1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/**
 * @param {View} view
 * @param {HTMLElement} element
 * @param {string} opens
 */
function wirePage(view, element, opens) {
  listenWhile(element, "click", (event) => {
    if (isInside(event.target, opens)) {
      if (view.mode) close(view);
      else show(view, "ways");
    } else seeEvent(view, event);
  });
  for (const type of ["input", "change"]) listenWhile(element, type, (event) => seeEvent(view, event));
  const observer = new MutationObserver(() => (element.isConnected ? lookSoon(view) : observer.disconnect()));
  for (const id of ["tabs", "status"]) whenDrawn(id, (part) => observer.observe(part, { childList: true, characterData: true, subtree: true }));
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-tab"] });
  new ResizeObserver(() => leaveRoom(view)).observe(view.root);
}

/**
 * Leave as much room at the end of the page as the panel takes, so that everything can be scrolled above it, and say whether a step is open.
 * @param {View} view
 */
function leaveRoom(view) {
  const { root, mode } = view, room = (mode ? Math.ceil(root.getBoundingClientRect().height) : 0) + "px", { style } = document.documentElement;
  if (style.getPropertyValue("--guide-room") !== room) {
    style.setProperty("--guide-room", room);
    if (isOpen(view)) follow(view);
  }
  document.querySelector("#guide-open")?.setAttribute("aria-expanded", String(Boolean(mode)));
  document.documentElement.toggleAttribute("data-guiding", mode === "step");
}

/**
 * Go on where the address says, once the page has applied the rest of it.
 * @param {View} view
 */
async function resume(view) {
  const at = readAddress(location.search, view.ways);
  if (!at) return;
  const here = await waitFor(() => getPage().gblmPlace, () => view.root.isConnected, 60_000);
  if (here && !view.mode) goTo(view, at.way, at.number);
}

/** @param {View} view */
function keep({ progress }) {
  window.sessionStorage.setItem(KEPT, JSON.stringify(progress));
}

/**
 * @param {View} view
 * @param {"ways" | "end"} mode
 */
function show(view, mode) {
  view.going += 1;
  view.mode = mode;
  view.value = NOTHING;
  mark("", "", "");
  if (mode === "ways") setAddress(view, false);
  drawPanel(view);
  leaveRoom(view);
  find(view.root, ".guide-title").focus({ preventScroll: true });
}

/** @param {View} view */
function close(view) {
  view.going += 1;
  view.mode = "";
  view.value = NOTHING;
  mark("", "", "");
  setAddress(view, false);
  drawPanel(view);
  leaveRoom(view);
  const opener = document.querySelector("#guide-open");
  if (opener instanceof HTMLElement) opener.focus({ preventScroll: true });
}

/**
 * @param {View} view
 * @param {boolean} inside
 */
function setAddress({ progress }, inside) {
  replaceQuery(placeInQuery(location.search, inside ? { way: progress.way, number: progress.number } : null));
}

/**
 * @param {View} view
 * @param {string} way
 */
function beginWay(view, way) {
  view.progress = { ...makeProgress(), way };
  goTo(view, way, 1);
}

/**
 * Do a step once more, its question included.
 * @param {View} view
 * @param {number} number
 */
function repeatStep(view, number) {
  const name = view.progress.way + "." + number;
  delete view.progress.answers[name];
  delete view.progress.met[name];
  goTo(view, view.progress.way, number);
}

/**
 * @param {View} view
 * @param {1 | -1} by
 */
function move(view, by) {
  const { way, number } = view.progress;
  if (number + by >= 1) goTo(view, way, number + by);
}

/**
 * Ask for a step; after the last one show the score.
 * @param {View} view
 * @param {string} name
 * @param {number} number
 */
function goTo(view, name, number) {
  const way = view.ways.find((one) => one.name === name);
  if (!way) return;
  if (view.progress.way !== name) view.progress = { ...makeProgress(), way: name };
  Object.assign(view.progress, { number: Math.min(number, way.steps.length + 1) });
  Object.assign(view, { hinted: false, away: false, complete: false, before: false, since: 0, asking: false });
  keep(view);
  setAddress(view, true);
  if (number > way.steps.length) {
    show(view, "end");
    return;
  }
  view.going += 1;
  view.mode = "step";
  view.value = { ...NOTHING, step: name + "." + number };
  mark("", "", "");
  drawPanel(view);
  leaveRoom(view);
  find(view.root, ".guide-title").focus({ preventScroll: true });
  view.wish("go " + view.value.step);
}

/**
 * Take what the server says of the step that is shown; of another one it comes too late.
 * @param {View} view
 * @param {Value} value
 */
function accept(view, value) {
  if (view.mode !== "step" || value.step !== view.value.step) return;
  const { ready } = view.value, answer = view.progress.answers[value.step];
  view.asking = false;
  if (value.guess && answer && value.ready && !value.guessed) { // back on a step whose guess was given
    view.value = { ...value, settled: view.value.settled };
    if (!ready) openStage(view);
    view.wish("then " + value.step);
  } else {
    view.value = value;
    if (value.ready) openStage(view, ready);
  }
  if (value.ready && !ready) view.before = value.done.some((one) => one.met);
  settle(view);
}

/**
 * @param {View} view
 * @param {boolean} [known] the place is open already; frame anew, and open what has changed
 */
async function openStage(view, known = false) {
  const { value: { place, cover, lacks, step }, progress, words } = view;
  mark(lacks ? "" : place.highlight, lacks || progress.answers[step] ? "" : cover, words.covered);
  if (known && !view.value.guessed) return;
  const shown = JSON.stringify(place);
  if (known && view.root.dataset.place === shown) return;
  view.root.dataset.place = shown;
  const going = view.going, wanted = () => view.going === going && view.root.isConnected;
  await openPlace(place, wanted);
  if (wanted()) follow(view);
}

/**
 * Keep what is framed above the panel: once a step is set up, and again when the panel or what was covered has grown.
 * @param {View} view
 */
function follow(view) {
  const { value: { place, lacks }, going } = view, turn = view.following += 1;
  if (!lacks) scrollTo(place.highlight, view.root, () => view.going === going && view.following === turn && view.root.isConnected);
}

/**
 * Judge the guess, if it is settled, and see whether the step is complete.
 * @param {View} view
 */
function settle(view) {
  const { value, progress } = view, answer = progress.answers[value.step];
  if (value.guess && answer && value.settled) answer.verdict = judge(value.guess, answer.guess, value.settled);
  if (!view.complete && isOpen(view) && value.texts.after && value.done.every((one, at) => isSeen(view, one, at))) {
    view.complete = true;
    view.since = performance.now();
  }
  view.away = isOpen(view) && hasLeft(view);
  keep(view);
  drawPanel(view);
}

/**
 * Return whether a step is set up and can be done.
 * @param {View} view
 */
function isOpen({ mode, value }) {
  return mode === "step" && value.ready && !value.lacks;
}

/** @param {View} view */
function hasLeft({ value }) {
  return value.moved || !isTabOpen(value.place.tab);
}

/**
 * @param {View} view
 * @param {import("./steps.js").Condition} one
 * @param {number} at
 */
function isSeen({ value, progress }, one, at) {
  return isMet(one, at, progress.met[value.step] || [], progress.answers[value.step]);
}

/**
 * @param {View} view
 * @param {string | number} given
 */
function takeAnswer(view, given) {
  const { value, progress } = view;
  if (!value.guess || !value.ready || progress.answers[value.step]) return;
  progress.answers[value.step] = { guess: given, verdict: "" };
  mark(value.place.highlight, "", "");
  settle(view);
  follow(view);
  find(view.root, ".guide-told").focus({ preventScroll: true });
  view.wish("then " + value.step);
}

/**
 * See whether a click or a move of a slider is what the step waits for.
 * @param {View} view
 * @param {Event} event
 */
function seeEvent(view, event) {
  const { value, progress } = view;
  if (!isOpen(view) || isInside(event.target, ".guide-panel")) return;
  setTimeout(() => { // once the page has taken the event
    if (view.value.step !== value.step) return;
    const met = progress.met[value.step] ||= [], before = met.length;
    value.done.forEach((one, at) => {
      const isSlider = one.kind === "slider" && event.type !== "click" && isReached(one, readSlider(one.target));
      const isClick = one.kind === "click" && event.type === "click" && isInside(event.target, one.target);
      if ((isSlider || isClick) && !met.includes(at)) met.push(at);
    });
    if (met.length === before) return;
    settle(view);
    lookSoon(view);
  });
}

/**
 * Ask what is met by now, once the page has been quiet for a moment: where something is still to be met, or its numbers may be
 * a moment older than what has just been done.
 * @param {View} view
 */
function lookSoon(view) {
  const { value } = view;
  if (!isOpen(view)) return;
  if (view.away !== hasLeft(view)) settle(view);
  clearTimeout(view.timer);
  view.timer = setTimeout(() => look(view, value.step), QUIET);
}

/**
 * @param {View} view
 * @param {string} step
 */
function look(view, step) {
  const { value, progress, complete, since } = view;
  if (value.step !== step || (complete && performance.now() - since > FRESH) || !isAsked(view)) return;
  if (view.asking || document.querySelector("#status .working")) {
    lookSoon(view);
    return;
  }
  view.asking = true;
  setTimeout(() => { view.asking = false; }, LONGEST_LOOK);
  view.wish("look " + step + (progress.answers[step] || !value.guess ? " guessed" : ""));
}

/**
 * Return whether the server has something to say: of conditions that it judges, or of the end, once the page has seen its own.
 * @param {View} view
 */
function isAsked(view) {
  const { done, moved } = view.value;
  return moved || done.some((one) => !one.page) || done.every((one, at) => isSeen(view, one, at));
}
