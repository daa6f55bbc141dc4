// Draws the story's cards, its steps and the sentences for a meeting. Every word comes in props.value.

import { copyText } from "../shared/clipboard.js";
import { append, find, listenWhile } from "../shared/dom.js";
import { openPanels } from "../shared/panels.js";
import { drawPicture } from "./small_pictures.js";

/**
 * @typedef {{ label: string, to: string, tab: string, panels: string[] }} Link
 * @typedef {object} Card
 * @property {string} kind
 * @property {string} question
 * @property {string} number
 * @property {string[]} sentences
 * @property {string} limit
 * @property {Link[]} links
 * @property {import("./small_pictures.js").Picture | null} picture
 * @property {Judged[]} verdicts
 * @property {string} warning
 *
 * @typedef {object} Meeting
 * @property {string} title
 * @property {string[]} sentences
 * @property {string} plan_title
 * @property {string[]} plan
 * @property {string} copy
 * @property {string} copied
 * @property {string} not_copied
 *
 * @typedef {{ colours: Record<string, string>, letters: { fine: number } }} Look
 * @typedef {{ text: string, mark: "within" | "outside" | "few" | "too_few" | "unmeasured" }} Judged
 * @typedef {{ cards: Card[], steps_title: string, steps: Link[], meeting: Meeting | null, overall: Judged | null }} Value
 */

/** @type {Value} */
const NOTHING = { cards: [], steps_title: "", steps: [], meeting: null, overall: null };
const SIGNS = { within: "✓", outside: "×", few: "?", too_few: "?", unmeasured: "–" };

/**
 * @param {import("../shared/gradio.js").Gradio<Value>} gradio
 * @param {Look} look
 */
export function start({ element, props, trigger, watch }, look) {
  const root = find(element, ".story");
  let newest = 0;
  /** @param {Link} link */
  const go = ({ to, tab, panels }) => {
    const number = ++newest;
    trigger("select", { to });
    if (panels.length) void openPanels(tab, panels, () => number === newest && element.isConnected);
  };
  const accept = () => draw(root, props.value || NOTHING, go, look);
  find(root, ".story-copy button").addEventListener("click", () => copySentences(root, (props.value || NOTHING).meeting));
  listenWhile(element, "slider-elsewhere", (/** @type {CustomEvent<{ told: string }>} */ { detail: { told } }) => {
    const warning = find(root, ".story-elsewhere");
    warning.hidden = !told;
    warning.textContent = told && "⚠ " + told;
  });
  watch("value", accept);
  accept();
}

/**
 * @param {HTMLElement} root
 * @param {Value} value
 * @param {(link: Link) => void} go
 * @param {Look} look
 */
function draw(root, { cards, steps_title, steps, meeting, overall }, go, look) {
  const list = find(root, ".story-cards"), way = find(root, ".story-steps"), whole = find(root, ".story-overall");
  list.textContent = whole.textContent = "";
  if (overall) drawVerdict(whole, overall);
  for (const card of cards) drawCard(append(list, "li", "story-card " + card.kind), card, go, look);
  way.hidden = !steps.length;
  find(way, "h3").textContent = steps_title;
  find(way, "ol").textContent = "";
  for (const step of steps) drawLink(append(find(way, "ol"), "li"), step, go);
  drawMeeting(find(root, ".story-meeting"), meeting);
}

/**
 * @param {HTMLElement} box
 * @param {Card} card
 * @param {(link: Link) => void} go
 * @param {Look} look
 */
function drawCard(box, card, go, look) {
  append(box, "h3", "", card.question);
  const line = append(box, "div", "story-line");
  if (card.number) append(line, "b", "story-number", holdTogether(card.number));
  if (card.picture) line.append(drawPicture(card.picture, look.colours, look.letters.fine));
  if (card.warning) append(box, "p", "story-warning", "⚠ " + card.warning);
  for (const sentence of card.sentences) append(box, "p", "", holdTogether(sentence));
  for (const verdict of card.verdicts) drawVerdict(box, verdict);
  if (card.limit) append(box, "p", "story-limit", card.limit);
  const links = append(box, "p", "story-links");
  for (const link of card.links) drawLink(links, link, go);
}

/**
 * @param {HTMLElement} box
 * @param {Judged} judged
 */
function drawVerdict(box, { text, mark }) {
  const verdict = append(box, "p", "story-verdict " + mark);
  append(verdict, "b", "", SIGNS[mark] + " ");
  verdict.append(holdTogether(text));
}

/**
 * Return a text in which no line ends between a number and its unit.
 * @param {string} text
 */
export function holdTogether(text) {
  return text.replace(/(\d) (?=[%問個回×])/g, "$1\u00a0").replace(/ ～ /g, "\u00a0～\u00a0").replace(/→ (?=\d)/g, "→\u00a0");
}

/**
 * @param {HTMLElement} box
 * @param {Link} link
 * @param {(link: Link) => void} go
 */
function drawLink(box, link, go) {
  const button = append(box, "button", "", link.label);
  button.type = "button";
  button.addEventListener("click", () => go(link));
}

/**
 * @param {HTMLElement} box
 * @param {Meeting | null} meeting
 */
function drawMeeting(box, meeting) {
  const sentences = find(box, "ul"), plan = find(box, "ol");
  box.hidden = !meeting;
  if (!meeting) return;
  find(box, "h3").textContent = meeting.title;
  find(box, "h4").textContent = meeting.plan_title;
  find(box, "button").textContent = meeting.copy;
  find(box, "[role=status]").textContent = "";
  sentences.textContent = plan.textContent = "";
  for (const sentence of meeting.sentences) append(sentences, "li", "", holdTogether(sentence));
  for (const step of meeting.plan) append(plan, "li", "", step);
}

/**
 * Return what is copied: the title, the sentences as a list, the plan with its numbers.
 * @param {Meeting} meeting
 */
export function writeMeeting({ title, sentences, plan_title, plan }) {
  return [title, ...sentences.map((one) => "- " + one), "", plan_title, ...plan.map((one, at) => at + 1 + ". " + one)].join("\n");
}

/**
 * Put all of it on the clipboard; where the browser does not allow it, select them instead.
 * @param {HTMLElement} root
 * @param {Meeting | null} meeting
 */
async function copySentences(root, meeting) {
  if (!meeting) return;
  const box = find(root, ".story-meeting"), copied = await copyText(writeMeeting(meeting));
  if (!copied) window.getSelection()?.selectAllChildren(box);
  find(box, "[role=status]").textContent = copied ? meeting.copied : meeting.not_copied;
}
