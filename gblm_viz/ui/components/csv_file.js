// Rows → the text of a CSV that no spreadsheet runs: what csv_file.py does on the server, by the same csv_rule.toml.
const gblmCsv = ((rule) => {
  const formula = new RegExp(rule.formula), number = new RegExp(rule.number);
  const harmless = (value) => (typeof value === "string" && formula.test(value) && !number.test(value) ? "'" + value : value);
  const quoted = (text) => (/[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text);
  const cell = (value) => quoted(String(harmless(value ?? "")));
  return { harmless, lines: (rows) => rows.map((row) => row.map(cell).join(",") + "\n").join("") };
})(RULE);
