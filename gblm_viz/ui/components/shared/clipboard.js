// Putting text on the clipboard.

/**
 * Return whether it was copied. A page that is not reached over https or from its own machine has no clipboard.
 * @param {string} text
 * @returns {Promise<boolean>}
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
