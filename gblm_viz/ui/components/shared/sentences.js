// Sentences with places for numbers, and lines that fit a width.

/**
 * Return the sentence with each {name} replaced; a name without a value stays as it is.
 * @param {string} sentence
 * @param {Record<string, unknown>} [values]
 */
export function fillSentence(sentence, values = {}) {
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/**
 * Return the pieces as lines, each as full as `most` allows; a piece that alone is wider has a line of its own.
 * @param {string[]} pieces
 * @param {number} most
 * @param {(text: string) => number} measureWidth
 */
export function wrapPieces(pieces, most, measureWidth) {
  const lines = [""];
  for (const piece of pieces) {
    const last = lines[lines.length - 1];
    if (last && measureWidth(last + piece) > most) lines.push("");
    lines[lines.length - 1] += piece;
  }
  return lines;
}
