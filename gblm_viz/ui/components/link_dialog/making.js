// Turns the page's address and what was chosen into a link, and back. Knows no page.

/**
 * @typedef {object} Choice
 * @property {string} language
 * @property {string} preset "" = hide nothing more than the address names by itself
 * @property {string} text file name of a bundled text; "" = none
 * @property {boolean} apply
 * @property {boolean} projector
 */

/**
 * Return what the page's own address says of the choices.
 * @param {string} address
 * @param {readonly string[]} presets names
 * @param {string} language
 * @returns {Choice}
 */
export function readChoice(address, presets, language) {
  const fields = new URL(address).searchParams, hidden = readHidden(fields);
  return {
    language, preset: presets.find((one) => hidden.includes(one)) || "", text: fields.get("text") || "", apply: fields.get("apply") === "1",
    projector: fields.get("projector") === "1" };
}

/**
 * Return the link to what the address leads to, with the choices. Single controls that the address hides stay hidden.
 * @param {string} address
 * @param {Choice} choice
 * @param {readonly string[]} presets names
 */
export function makeLink(address, choice, presets) {
  const link = new URL("../" + choice.language + "/", address), fields = new URL(address).searchParams;
  const hidden = readHidden(fields).filter((one) => !presets.includes(one));
  if (choice.preset) hidden.unshift(choice.preset);
  for (const name of ["lang", "left_out"]) fields.delete(name);
  write(fields, "hide", hidden.join(","));
  write(fields, "projector", choice.projector ? "1" : "");
  write(fields, "text", choice.text);
  write(fields, "apply", choice.apply ? "1" : "");
  link.search = fields.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return link.href;
}

/** @param {URLSearchParams} fields */
function readHidden(fields) {
  return (fields.get("hide") || "").split(",").filter(Boolean);
}

/**
 * @param {URLSearchParams} fields
 * @param {string} name
 * @param {string} value "" takes the field away
 */
function write(fields, name, value) {
  if (value) fields.set(name, value);
  else fields.delete(name);
}

/**
 * Return whether an address leads to the computer that opens it, so that it is of no use to others.
 * @param {string} address
 */
export function isLocal(address) {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(address).hostname);
}
