// Sends a chosen file straight to the server's memory, and tells the page the token it waits under.
// What goes wrong is told as a status; the sentence for it is the page's.

import { find } from "../shared/dom.js";

/** @typedef {{ label: string, types: string, ready: boolean }} Value */

/** @type {Value} */
const NOTHING = { label: "", types: "", ready: false };
const LONGEST_NAME = 200;

/** @param {import("../shared/gradio.js").Gradio<Value>} gradio */
export function start({ element, props, trigger, watch }) {
  /** @type {HTMLButtonElement} */
  const button = find(element, "button");
  /** @type {HTMLInputElement} */
  const box = find(element, "input");
  const accept = () => {
    const value = props.value || NOTHING;
    button.textContent = value.label;
    button.disabled = !value.ready;
    box.accept = value.types;
  };
  button.addEventListener("click", () => box.click());
  box.addEventListener("change", async () => {
    const file = box.files?.[0];
    box.value = ""; // so that the same file can be chosen again
    if (!file) return;
    button.disabled = true;
    const told = await send(file);
    button.disabled = false;
    trigger("upload", { file: told });
  });
  watch("value", accept);
  accept();
}

/**
 * Send the file; return what event_kinds.py expects of the event.
 * @param {File} file
 */
export async function send(file) {
  const told = { name: file.name.slice(0, LONGEST_NAME), size: file.size, token: "", status: 0 };
  try {
    const answer = await fetch(new URL("../upload", document.baseURI), {
      method: "POST", body: file, headers: {
        "Content-Type": "application/octet-stream", "X-Name": encodeURIComponent(told.name),
        "X-Visit": window.sessionStorage.getItem("gblm-visit") || "" } });
    told.status = answer.status;
    if (answer.ok) told.token = (await answer.json()).token;
  } catch { /* the connection broke: status stays 0 */ }
  return told;
}
