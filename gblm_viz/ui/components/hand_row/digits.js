// Numbers of the table by hand: as they are written into its boxes, and as they are read from them.

/**
 * Return three significant digits without trailing zeros, of a very small or large number two and a power of ten.
 * @param {number} value
 */
export function formatNumber(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e4) return String(Number(value.toPrecision(3)));
  return value.toExponential(1).replace("e+", "e");
}

/**
 * Return the number that was typed, null for an emptied box; undefined if it is none, or below zero.
 * @param {string} typed
 * @returns {number | null | undefined}
 */
export function parseNumber(typed) {
  const text = typed.trim().replace(",", ".");
  if (text === "") return null;
  const number = Number(text);
  return Number.isFinite(number) && number >= 0 ? number : undefined;
}
