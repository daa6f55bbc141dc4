// Finding, making and listening to elements of the page.

/**
 * Return the first element below `root` that the selector finds. Throws if the component's template has none.
 * @template {Element} [Kind=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {Kind}
 */
export function find(root, selector) {
  const found = root.querySelector(selector);
  if (!found) throw new Error("no " + selector + " in this component");
  return /** @type {Kind} */ (found);
}

/**
 * Make an element at the end of its parent. The text is never read as HTML.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Element} parent
 * @param {Tag} tag
 * @param {string} [kind] its class
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function append(parent, tag, kind = "", text = "") {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text) made.textContent = text;
  parent.append(made);
  return made;
}

/**
 * Return the focused element if it lies inside `root`, else null.
 * @param {Element} root
 * @returns {HTMLElement | null}
 */
export function findFocused(root) {
  const active = document.activeElement;
  return active instanceof HTMLElement && root.contains(active) ? active : null;
}

/**
 * Call `use` with the element of an id, now or as soon as it is drawn: Gradio draws the parts of a page in any order.
 * @param {string} id
 * @param {(element: HTMLElement) => void} use
 */
export function whenDrawn(id, use) {
  const found = document.getElementById(id);
  if (found) {
    use(found);
    return;
  }
  const observer = new MutationObserver(() => {
    const drawn = document.getElementById(id);
    if (!drawn) return;
    observer.disconnect();
    use(drawn);
  });
  observer.observe(document, { childList: true, subtree: true });
}

/**
 * Listen to an event of the whole page for as long as the element is part of it.
 * @template {Event} Kind
 * @param {Element} element
 * @param {string} type
 * @param {(event: Kind) => void} listener
 */
export function listenWhile(element, type, listener) {
  /** @param {Event} event */
  function hear(event) {
    if (element.isConnected) listener(/** @type {Kind} */ (event));
    else document.removeEventListener(type, hear);
  }
  document.addEventListener(type, hear);
}

/**
 * Return whether somebody is typing into, or choosing from, what an event came from.
 * @param {EventTarget | null} target
 * @param {string} boxes selector of what counts as such
 */
export function isInside(target, boxes) {
  return target instanceof Element && target.closest(boxes) !== null;
}

const LAPTOP = 720; // pixels: the height of the window that pictures' heights are meant for

/**
 * Return a picture's height for CSS: what it is in a laptop's window, and as much more as a window is taller.
 * @param {number} height in pixels
 */
export function growTall(height) {
  return "max(" + height + "px, " + (100 * height / LAPTOP).toFixed(2) + "vh)";
}
