// Which terms stand in a text: the longest spelling first, whole words only. Knows no page.

/**
 * @typedef {{ id: string, spellings: string[] }} Spelled a term and all its forms
 * @typedef {{ start: number, end: number, id: string }} Found
 * @typedef {(text: string) => Found[]} Finder
 *
 * @typedef {object} Form a spelling as it is looked for
 * @property {string} text
 * @property {string} id
 * @property {boolean} capital whether its first letter was made a capital, as at the beginning of a sentence
 */

const WORD = /[\p{Script=Latin}\p{Script=Greek}\p{N}_]/u, KANA = /[\p{Script=Katakana}ー]/u, HAN = /\p{Script=Han}/u;
const JOINTS = "./\\-"; // a name such as mask.txt or o-proj is no term
const NOT = "不未非無"; // 不一致 is not 一致
const INSIDE = /[\p{L}\p{N},] $/u; // a capital after it begins no sentence, but a name, such as a tab's

/**
 * Return a function that finds all terms of a text, none inside another one.
 * @param {Spelled[]} terms
 * @returns {Finder}
 */
export function makeFinder(terms) {
  const forms = sortForms(terms);
  return (text) => {
    const found = [];
    for (let start = 0; start < text.length; start++) {
      const form = forms.get(text[start])?.find((one) => text.startsWith(one.text, start) && isWhole(text, start, one));
      if (!form) continue;
      found.push({ start, end: start + form.text.length, id: form.id });
      start += form.text.length - 1;
    }
    return found;
  };
}

/**
 * Return all forms by their first letter, the longest first.
 * @param {Spelled[]} terms
 * @returns {Map<string, Form[]>}
 */
function sortForms(terms) {
  const forms = new Map();
  for (const { id, spellings } of terms) {
    for (const text of spellings.filter(Boolean)) {
      const upper = text[0].toUpperCase() + text.slice(1);
      for (const form of [{ text, id, capital: false }, ...upper !== text && text.length > 1 ? [{ text: upper, id, capital: true }] : []]) {
        forms.set(form.text[0], [...forms.get(form.text[0]) || [], form]);
      }
    }
  }
  for (const those of forms.values()) those.sort((/** @type {Form} */ a, /** @type {Form} */ b) => b.text.length - a.text.length || Number(a.capital) - Number(b.capital));
  return forms;
}

/**
 * Return whether a form stands alone. Japanese has no spaces: a word of Latin or Greek letters ends at any other letter, one
 * in katakana where katakana ends, and a single kanji is a word only between other letters.
 * @param {string} text
 * @param {number} start
 * @param {Form} form
 */
function isWhole(text, start, { text: word, capital }) {
  const end = start + word.length;
  if (capital && INSIDE.test(text.slice(Math.max(0, start - 2), start))) return false;
  return isEdge(word[0], text[start - 1] || "", text[start - 2] || "", word.length)
    && isEdge(word[word.length - 1], text[end] || "", text[end + 1] || "", word.length)
    && !(HAN.test(word[0]) && start > 0 && NOT.includes(text[start - 1]));
}

/**
 * Return whether a word may end with this letter.
 * @param {string} letter
 * @param {string} next the letter beside it, outside the word; "" where the text ends
 * @param {string} far the one beyond that
 * @param {number} length of the word
 */
function isEdge(letter, next, far, length) {
  if (!next) return true;
  if (WORD.test(letter)) return !WORD.test(next) && !(JOINTS.includes(next) && WORD.test(far));
  if (KANA.test(letter)) return !KANA.test(next);
  return length > 1 || !HAN.test(letter) || !HAN.test(next);
}
