// Rows → the text of a CSV that no spreadsheet runs: what csv_file.py does on the server, by the same csv_rule.toml.

/**
 * Regular expressions: what a spreadsheet may take for a formula, and which of that is a number after all.
 * @typedef {{ formula: string, number: string }} Rule
 * @typedef {string | number | null | undefined} Cell
 */

/**
 * @param {Rule} rule
 * @returns {{ disarm: (value: Cell) => Cell, joinRows: (rows: Cell[][]) => string }}
 */
export function makeCsvWriter(rule) {
  const formula = new RegExp(rule.formula), number = new RegExp(rule.number);
  /** @param {Cell} value */
  const disarm = (value) => (
    typeof value === "string" && formula.test(value) && !number.test(value) ? "'" + value : value);
  /** @param {string} text */
  const quote = (text) => (/[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text);
  /** @param {Cell} value */
  const writeCell = (value) => quote(String(disarm(value ?? "")));
  return { disarm, joinRows: (rows) => rows.map((row) => row.map(writeCell).join(",") + "\n").join("") };
}
