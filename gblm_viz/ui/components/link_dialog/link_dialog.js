// Opens the dialog, rebuilds the link with every choice, and copies it. Words and what can be chosen come from Python.

import { copyText } from "../shared/clipboard.js";
import { append, find, isInside, listenWhile } from "../shared/dom.js";
import { isLocal, makeLink, readChoice } from "./making.js";

/**
 * @typedef {{ name: string, title: string, about: string }} Preset
 *
 * @typedef {object} Config
 * @property {Record<string, string>} words
 * @property {Record<string, string>} languages
 * @property {Preset[]} presets
 * @property {[title: string, file: string][]} texts
 * @property {string} opens
 * @property {string} teacher address of the page for teachers
 */

/**
 * @param {import("../shared/gradio.js").Gradio<null>} gradio
 * @param {Config} config
 */
export function start({ element }, config) {
  /** @type {HTMLDialogElement} */
  const dialog = find(element, "dialog");
  fill(dialog, config);
  wire(dialog, config);
  listenWhile(element, "click", (event) => {
    if (isInside(event.target, config.opens)) open(dialog, config);
  });
}

/**
 * @param {HTMLElement} dialog
 * @param {Config} config
 */
function fill(dialog, { words, languages, presets, texts, teacher }) {
  const close = find(dialog, ".link-close");
  close.title = words.close;
  close.setAttribute("aria-label", words.close);
  /** @type {[string, string][]} */
  const told = [["h2", "title"], [".link-about", "about"], [".link-language legend", "language"], [".link-hide legend", "hide"], [".link-text span", "text"], [".link-address span", "address"], [".link-copy", "copy"], [".link-teacher", "teacher"]];
  for (const [part, word] of told) find(dialog, part).textContent = words[word];
  for (const [code, name] of Object.entries(languages)) addInput(find(dialog, ".link-language"), "radio", "link-language", code, name).lang = code;
  for (const { name, title, about } of presets) addInput(find(dialog, ".link-hide"), "radio", "link-hide", name, title, about);
  /** @type {HTMLAnchorElement} */ (find(dialog, ".link-teacher")).href = teacher;
  const list = find(dialog, "select");
  for (const [title, file] of [["", ""], ...texts]) append(list, "option", "", title || words.text_none).value = file;
  addInput(find(dialog, ".link-ticks"), "checkbox", "link-apply", "1", words.apply, words.apply_info);
  addInput(find(dialog, ".link-ticks"), "checkbox", "link-projector", "1", words.projector);
}

/**
 * @param {HTMLElement} parent
 * @param {"radio" | "checkbox"} type
 * @param {string} name
 * @param {string} value
 * @param {string} label
 * @param {string} [about]
 */
function addInput(parent, type, name, value, label, about = "") {
  const box = append(parent, "label", "link-choice"), input = append(box, "input"), told = append(box, "span", "", label);
  Object.assign(input, { type, name, value });
  if (about) append(told, "small", "", about);
  return box;
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {Config} config
 */
function wire(dialog, config) {
  const box = find(dialog, "textarea");
  dialog.addEventListener("input", () => show(dialog, config));
  dialog.addEventListener("keydown", (event) => event.stopPropagation()); // Esc closes the dialog and goes up no level of the page
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // the darkened page around it
  });
  find(dialog, ".link-close").addEventListener("click", () => dialog.close());
  find(dialog, ".link-copy").addEventListener("click", () => copy(dialog, config.words));
  box.addEventListener("focus", () => /** @type {HTMLTextAreaElement} */ (box).select());
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {Config} config
 */
function open(dialog, config) {
  const choice = readChoice(location.href, config.presets.map(({ name }) => name).filter(Boolean), document.documentElement.lang);
  tick(dialog, "link-language", choice.language);
  tick(dialog, "link-hide", choice.preset);
  tick(dialog, "link-apply", choice.apply ? "1" : "");
  tick(dialog, "link-projector", choice.projector ? "1" : "");
  /** @type {HTMLSelectElement} */ (find(dialog, "select")).value = config.texts.some(([, file]) => file === choice.text) ? choice.text : "";
  find(dialog, ".link-about").textContent = isLocal(location.href) ? config.words.about_local : config.words.about;
  show(dialog, config);
  dialog.showModal();
  find(dialog, ".link-copy").focus();
}

/**
 * @param {HTMLElement} dialog
 * @param {string} name
 * @param {string} value
 */
function tick(dialog, name, value) {
  for (const one of /** @type {NodeListOf<HTMLInputElement>} */ (dialog.querySelectorAll('input[name="' + name + '"]'))) one.checked = one.value === value;
}

/**
 * Write the link that the choices make, and the language's own page of what it is about.
 * @param {HTMLElement} dialog
 * @param {Config} config
 */
function show(dialog, { presets }) {
  const box = /** @type {HTMLTextAreaElement} */ (find(dialog, "textarea"));
  const link = makeLink(location.href, {
    language: readTick(dialog, "link-language"), preset: readTick(dialog, "link-hide"), text: /** @type {HTMLSelectElement} */ (find(dialog, "select")).value,
    apply: readTick(dialog, "link-apply") === "1", projector: readTick(dialog, "link-projector") === "1" }, presets.map(({ name }) => name).filter(Boolean));
  if (box.value === link) return;
  box.value = link;
  find(dialog, ".link-told").textContent = "";
}

/**
 * @param {HTMLElement} dialog
 * @param {string} name
 */
function readTick(dialog, name) {
  const one = /** @type {HTMLInputElement | null} */ (dialog.querySelector('input[name="' + name + '"]:checked'));
  return one ? one.value : "";
}

/**
 * Copy the link; where that is not possible, select it.
 * @param {HTMLElement} dialog
 * @param {Record<string, string>} words
 */
async function copy(dialog, words) {
  const box = /** @type {HTMLTextAreaElement} */ (find(dialog, "textarea")), told = find(dialog, ".link-told");
  told.textContent = "";
  const copied = await copyText(box.value);
  if (!copied) box.select();
  told.textContent = copied ? words.copied : words.selected;
}
