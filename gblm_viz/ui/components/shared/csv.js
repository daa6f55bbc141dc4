// Rows → the text of a CSV that no spreadsheet runs: what csv_file.py does on the server, by the same csv_rule.toml.

/**
 * Regular expressions: what a spreadsheet may take for a formula, and which of that is a number after all.
 * @typedef {{ formula: string, number: string }} Rule
 * @typedef {string | number | null | undefined} Cell
 */

/**
 * @param {Rule} rule
 * @returns {{ harmless: (value: Cell) => Cell, lines: (rows: Cell[][]) => string }}
 */
export function csvBy(rule) {
  const formula = new RegExp(rule.formula), number = new RegExp(rule.number);
  /** @param {Cell} value */
  const harmless = (value) => (
    typeof value === "string" && formula.test(value) && !number.test(value) ? "'" + value : value);
  /** @param {string} text */
  const quoted = (text) => (/[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text);
  /** @param {Cell} value */
  const cell = (value) => quoted(String(harmless(value ?? "")));
  return { harmless, lines: (rows) => rows.map((row) => row.map(cell).join(",") + "\n").join("") };
}
