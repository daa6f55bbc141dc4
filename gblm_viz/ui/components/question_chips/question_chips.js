// Small buttons of what can be asked: a subject shows its questions, a question is sent. All text comes in props.value.

import { append, find } from "../shared/dom.js";

/**
 * @typedef {{ name: string, line: string, questions: string[] }} Subject
 * @typedef {{ subjects: Subject[], label: string }} Value
 */

/** @type {Value} */
const NOTHING = { subjects: [], label: "" };

/** @param {import("../shared/gradio.js").Gradio<Value>} gradio */
export function start({ element, props, trigger, watch }) {
  const root = find(element, ".question-chips");
  /** @param {string} question */
  const ask = (question) => trigger("select", { question });
  const accept = () => draw(root, props.value || NOTHING, ask);
  watch("value", accept);
  accept();
}

/**
 * @param {HTMLElement} root
 * @param {Value} value
 * @param {(question: string) => void} ask
 */
function draw(root, value, ask) {
  const row = find(root, ".chip-subjects"), opened = find(root, ".chip-questions");
  root.hidden = !value.subjects.length;
  row.textContent = "";
  row.setAttribute("aria-label", value.label);
  opened.hidden = true;
  if (value.label) append(row, "span", "chip-label", value.label);
  const buttons = value.subjects.map((subject) => {
    const button = append(row, "button", "", subject.name);
    button.type = "button";
    button.title = subject.line;
    button.setAttribute("aria-expanded", "false");
    return button;
  });
  buttons.forEach((button, place) => button.addEventListener("click", () => {
    const closes = button.getAttribute("aria-expanded") === "true";
    for (const one of buttons) one.setAttribute("aria-expanded", String(one === button && !closes));
    opened.hidden = closes;
    if (!closes) showQuestions(opened, value.subjects[place], ask);
  }));
}

/**
 * @param {HTMLElement} opened
 * @param {Subject | undefined} subject
 * @param {(question: string) => void} ask
 */
function showQuestions(opened, subject, ask) {
  if (!subject) return;
  const row = find(opened, "div");
  find(opened, "p").textContent = subject.line;
  row.textContent = "";
  row.setAttribute("aria-label", subject.name);
  for (const question of subject.questions) {
    const button = append(row, "button", "", question);
    button.type = "button";
    button.addEventListener("click", () => ask(question));
  }
}
