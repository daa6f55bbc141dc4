// Draws the panel: a step, the ways to choose from, or the score. Every word comes from the value and from the words.

import { append, find } from "../shared/dom.js";
import { fillSentence } from "../shared/sentences.js";
import { LETTERS, fillAfter, formatGuess, scoreWay, tellVerdict } from "./steps.js";

/**
 * @typedef {import("./guide_panel.js").View} View
 * @typedef {import("./steps.js").Value} Value
 * @typedef {import("./steps.js").Answer} Answer
 * @typedef {import("./steps.js").Way} Way
 */

/** @param {View} view */
export function drawPanel(view) {
  const { root, mode } = view;
  root.hidden = !mode;
  root.dataset.mode = mode;
  find(root, ".guide-choices").dataset.step = mode === "step" ? find(root, ".guide-choices").dataset.step || "" : "";
  for (const [part, modes] of /** @type {const} */ ([[".guide-step", ["step"]], [".guide-list", ["ways", "end"]], [".guide-goto", ["step"]], [".guide-ways", ["step", "end"]]]))
    find(root, part).hidden = !modes.some((one) => one === mode);
  if (mode === "step") drawStep(view);
  else if (mode === "ways") drawWays(view);
  else if (mode === "end") drawEnd(view);
}

/**
 * @param {View} view
 * @param {string} way
 * @param {string} title
 */
function drawHead({ root }, way, title) {
  write(find(root, ".guide-way"), way);
  write(find(root, ".guide-title"), title);
  write(find(root, ".guide-moved"), "");
}

/** @param {View} view */
function drawStep(view) {
  const { root, words, value, progress, ways } = view, { texts } = value, way = /** @type {Way} */ (ways.find(({ name }) => name === progress.way));
  const answer = progress.answers[value.step], state = nameState(view, answer), over = state === "done" || state === "lacking";
  drawHead(view, way.title + " · " + fillSentence(words.step, { step: progress.number, steps: way.steps.length }), way.steps[progress.number - 1]);
  root.dataset.step = value.step;
  root.dataset.state = state;
  write(find(root, ".guide-moved"), value.ready && view.away ? words.moved : "");
  write(find(root, ".guide-text"), texts.text || "");
  write(find(root, ".guide-hint"), view.hinted ? texts.hint : "");
  drawQuestion(view, state !== "lacking" && !answer);
  drawTold(view, answer, state);
  drawTable(view);
  find(root, ".guide-next").classList.toggle("primary", over);
  write(find(root, ".guide-next"), over ? words.next : words.skip);
  /** @type {HTMLButtonElement} */ (find(root, ".guide-back")).disabled = progress.number === 1;
  find(root, ".guide-show").hidden = state !== "asking" || view.hinted;
}

/**
 * Return what a step waits for: that it is set up, the guess, what is to be done, or nothing more.
 * @param {View} view
 * @param {Answer | undefined} answer
 */
function nameState({ value, complete }, answer) {
  if (value.lacks) return "lacking";
  if (!value.ready) return "preparing";
  if (complete) return "done";
  return value.guess && !answer ? "asking" : "doing";
}

/**
 * @param {View} view
 * @param {Answer | undefined} answer
 * @param {string} state
 */
function drawTold(view, answer, state) {
  const { root, value, words, language } = view, verdict = find(root, ".guide-verdict"), isJapanese = language === "ja";
  /** @type {Record<string, string>} */
  const more = {
    lacking: value.lacks, preparing: "…", doing: words.now_do + (isJapanese ? "：" : ": ") + (value.texts.do || value.texts.hint), done: view.before ? words.done_before : "" };
  const judged = answer ? tellVerdict(value, answer, words, language) : [], settled = state === "done";
  const told = [...(settled ? judged : judged.slice(0, 1)), more[state] || ""].filter(Boolean); // what is to be seen is not told before
  verdict.dataset.verdict = answer && settled ? answer.verdict : "";
  write(verdict, told.join(" · "));
  write(find(root, ".guide-after"), state === "done" ? fillAfter(value, answer, language) : "");
}

/**
 * @param {View} view
 * @param {boolean} open whether it can still be answered
 */
function drawQuestion(view, open) {
  const { root, value: { guess, texts, lacks, step, ready }, words } = view, kind = open && guess ? guess.kind : "";
  const choices = find(root, ".guide-choices"), made = step + ready;
  write(find(root, ".guide-first"), kind ? words.first_guess : "");
  write(find(root, ".guide-question"), guess && !lacks ? texts.ask : "");
  choices.hidden = kind !== "choice";
  find(root, ".guide-number").hidden = kind !== "number";
  choices.setAttribute("aria-label", texts.ask || "");
  if (!kind || choices.dataset.step === made) return;
  choices.dataset.step = made;
  choices.textContent = "";
  if (kind === "number") prepareSlider(view);
  else for (const letter of LETTERS) {
    const button = append(choices, "button", "", texts["choice_" + letter]);
    button.type = "button";
    button.disabled = !ready;
    button.addEventListener("click", () => view.answer(letter));
  }
}

/** @param {View} view */
function prepareSlider(view) {
  const { root, value: { guess, texts, ready }, words } = view;
  if (!guess) return;
  const form = find(root, ".guide-number"), slider = /** @type {HTMLInputElement} */ (find(form, "input"));
  const low = guess.low ?? 0, high = guess.high ?? 100;
  Object.assign(slider, { min: String(low), max: String(high), step: String(guess.step), disabled: !ready });
  slider.value = String(low + Math.round((high - low) / 2 / guess.step) * guess.step);
  slider.setAttribute("aria-label", texts.ask);
  find(form, "label span").textContent = words.guess;
  find(form, "button").textContent = words.answer;
  /** @type {HTMLButtonElement} */ (find(form, "button")).disabled = !ready;
  drawGuess(view);
}

/** @param {View} view */
export function drawGuess({ root, value: { guess }, language }) {
  if (!guess) return;
  const form = find(root, ".guide-number"), slider = /** @type {HTMLInputElement} */ (find(form, "input"));
  const told = formatGuess(guess, Number(slider.value), language);
  find(form, "output").textContent = told;
  slider.setAttribute("aria-valuetext", told);
}

/** @param {View} view */
function drawTable({ root, value: { table } }) {
  const box = find(root, ".guide-table");
  box.textContent = "";
  if (!table) return;
  const made = append(box, "table"), head = append(append(made, "thead"), "tr"), body = append(made, "tbody");
  append(made, "caption", "", table.title);
  for (const one of table.heads) append(head, "th", "", one).scope = "col";
  for (const [name, ...cells] of table.rows) {
    const row = append(body, "tr");
    append(row, "th", "", name).scope = "row";
    for (const one of cells) append(row, "td", "", one);
  }
  append(box, "p", "", table.note);
}

/** @param {View} view */
function drawWays(view) {
  const { root, words, ways, progress } = view, list = find(root, ".guide-list");
  drawHead(view, "", words.choose);
  list.textContent = "";
  const kept = ways.find(({ name }) => name === progress.way);
  if (kept && (progress.number > 1 || Object.keys(progress.answers).length) && progress.number <= kept.steps.length) {
    const label = fillSentence(words.resume, { way: kept.title, step: progress.number });
    addButton(list, "guide-resume primary", label, "", () => view.go(progress.way, progress.number));
  }
  for (const { name, title, about } of ways) addButton(list, "guide-start", title, about, () => view.begin(name));
}

/** @param {View} view */
function drawEnd(view) {
  const { root, words, ways, progress } = view, list = find(root, ".guide-list");
  const way = /** @type {Way} */ (ways.find(({ name }) => name === progress.way)), { right, asked, again } = scoreWay(way.name, way.steps.length, progress.answers);
  drawHead(view, way.title, words.finished);
  list.textContent = "";
  const told = append(list, "div", "guide-score");
  if (asked) append(told, "p", "guide-points", fillSentence(words.score, { right, asked }));
  if (asked) append(told, "p", "", again.length ? words.look_again : words.all_right);
  for (const number of again) addButton(list, "guide-again", number + ". " + way.steps[number - 1], "", () => view.repeat(number));
  addButton(list, "guide-restart", words.again, "", () => view.begin(way.name));
  append(list, "p", "guide-private", words.private);
}

/**
 * @param {HTMLElement} list
 * @param {string} kind
 * @param {string} label
 * @param {string} about
 * @param {() => void} choose
 */
function addButton(list, kind, label, about, choose) {
  const button = append(list, "button", kind);
  button.type = "button";
  append(button, "b", "", label);
  if (about) append(button, "span", "", about);
  button.addEventListener("click", choose);
}

/**
 * Write a text where it differs, so that a screen reader does not say it again.
 * @param {HTMLElement} element
 * @param {string} text
 */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = !text;
}
