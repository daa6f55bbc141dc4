// The page's description (window.gradio_config) never changes. Gradio's page nevertheless watches every object in it for changes, and
// looks at each listener once for every component: a sixth of the time until the first screen was complete. Objects of a class are not watched.

class Plain {}

/**
 * Take from the page's parts what makes Gradio watch them. What it draws it still watches: it copies their fields.
 * @param {{ components?: object[], dependencies?: object[] }} description
 */
export function makePlain(description) {
  for (const part of [...(description.components || []), ...(description.dependencies || [])]) Object.setPrototypeOf(part, Plain.prototype);
}

/** Wait for the page to say its description, which it does once. */
export function start() {
  /** @type {object | undefined} */
  let description;
  Object.defineProperty(window, "gradio_config", {
    configurable: true,
    get: () => description,
    set: (value) => {
      makePlain(value);
      description = value;
    },
  });
}
