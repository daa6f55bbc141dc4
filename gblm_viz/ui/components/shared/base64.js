// Bytes and numbers that the server sends as base64.

/**
 * @param {string} text
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function decodeBytes(text) {
  const letters = atob(text), result = new Uint8Array(letters.length);
  for (let at = 0; at < letters.length; at++) result[at] = letters.charCodeAt(at);
  return result;
}

/**
 * Return float32 numbers, of which the server sends the little-endian bytes.
 * @param {string} text
 */
export function decodeFloats(text) {
  return new Float32Array(decodeBytes(text).buffer);
}
