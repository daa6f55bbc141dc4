// Numbers as the view writes them.

/**
 * Return three significant digits without trailing zeros: 3.1e−4, 0.0123, 512.
 * @param {number} value
 * @param {string} [none] what NaN is called
 */
export function formatNumber(value, none = "NaN") {
  if (Number.isNaN(value)) return none;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e-3 && size < 1e4 ? String(Number(value.toPrecision(3)))
    : value.toExponential(2).replace(/[.]?0+e/, "e").replace("e+", "e");
  return text.replace(/^-/, "−");
}

/**
 * @param {number} share
 * @param {string} [none]
 */
export function formatPercent(share, none = "NaN") {
  return formatNumber(100 * share, none) + " %";
}

/**
 * Return a whole number with thin spaces between its thousands.
 * @param {number} number
 */
export function formatCount(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/**
 * @param {number} first
 * @param {number} last
 */
export function formatSpan(first, last) {
  return first === last ? String(first) : first + "–" + last;
}

/**
 * Return a float32 number with all its digits, for a file; empty for NaN.
 * @param {number} number
 */
export function formatExactly(number) {
  return Number.isNaN(number) ? "" : String(Number(number.toPrecision(9)));
}
