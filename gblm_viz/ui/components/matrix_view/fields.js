// The switch between the fields of a picture.

import { append } from "../shared/dom.js";
import { describePin } from "./pin.js";
import { refreshOverview } from "./requests.js";

/**
 * @typedef {import("./types.js").View} View
 * @typedef {import("./types.js").Field} Field
 */

/** @param {View} view */
export function drawSwitch(view) {
  const { parts, words, value, field } = view;
  parts.fields.textContent = "";
  parts.fields.setAttribute("aria-label", words.fields || "");
  if (!value || value.fields.length < 2) return;
  for (const one of value.fields) {
    const button = append(parts.fields, "button", "", one.label);
    button.type = "button";
    button.dataset.field = one.id;
    button.setAttribute("aria-pressed", String(one === field));
    button.addEventListener("click", () => selectField(view, one));
  }
}

/**
 * @param {View} view
 * @param {Field} field
 */
function selectField(view, field) {
  view.field = field;
  view.root.dataset.field = field.id;
  for (const button of view.parts.fields.querySelectorAll("button"))
    button.setAttribute("aria-pressed", String(button.dataset.field === field.id));
  view.probe.of = "";
  view.overview = null;
  view.applyMove();
  refreshOverview(view);
  if (view.pin) describePin(view, false);
}
