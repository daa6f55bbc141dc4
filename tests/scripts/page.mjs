// A page small enough for node: elements, events and selectors as far as the components use them. It lays nothing out
// and draws nothing; what depends on that is tested in tests/browser.

/** A context that draws nothing. */
const PAINT = new Proxy({}, { get: (target, name) => (name in target ? target[name] : () => ({ width: 0, addColorStop() {} })) });

/** Return the attribute of a name in `dataset`. */
const dashed = (name) => "data-" + name.replace(/[A-Z]/g, (letter) => "-" + letter.toLowerCase());

class Node {
  parentNode = null;
  get parentElement() { return this.parentNode; }
  get isConnected() { return this === document.body || Boolean(this.parentNode?.isConnected); }
  after(...nodes) {
    const { parentNode } = this;
    for (const node of nodes.map((one) => (one instanceof Node ? one : document.createTextNode(one))).reverse()) {
      node.remove();
      node.parentNode = parentNode;
      parentNode.childNodes.splice(parentNode.childNodes.indexOf(this) + 1, 0, node);
    }
  }
  remove() {
    if (this.parentNode) this.parentNode.childNodes = this.parentNode.childNodes.filter((one) => one !== this);
    this.parentNode = null;
  }
}

class Text extends Node {
  constructor(data) {
    super();
    this.data = data;
  }
  get textContent() { return this.data; }
}

/** What the selectors here may be: simple ones after each other, and lists of them. */
const SIMPLE = /([\w-]+)?((?:[.#][\w-]+|\[[\w-]+(?:=[^\]]*)?\])*)/y;

class Element extends Node {
  childNodes = [];
  attributes = new Map();
  listeners = new Map();
  style = { getPropertyValue: () => "" };
  tabIndex = -1;
  hidden = false;
  disabled = false;
  scrollTop = 0;

  constructor(tag) {
    super();
    this.tagName = tag.toUpperCase();
    this.dataset = new Proxy({}, {
      get: (_target, name) => this.attributes.get(dashed(name)),
      set: (_target, name, value) => Boolean(this.attributes.set(dashed(name), String(value))),
      deleteProperty: (_target, name) => this.attributes.delete(dashed(name)) || true,
    });
    this.classList = {
      contains: (name) => this.className.split(" ").includes(name),
      add: (name) => { if (!this.classList.contains(name)) this.className = (this.className + " " + name).trim(); },
      remove: (name) => { this.className = this.className.split(" ").filter((one) => one !== name).join(" "); },
      toggle: (name, on = !this.classList.contains(name)) => {
        this.classList[on ? "add" : "remove"](name);
        return on;
      },
    };
  }

  get className() { return this.attributes.get("class") || ""; }
  set className(value) { this.attributes.set("class", value); }
  get children() { return this.childNodes.filter((one) => one instanceof Element); }
  get textContent() { return this.childNodes.map((one) => one.textContent).join(""); }
  set textContent(text) {
    for (const one of this.childNodes) one.parentNode = null;
    this.childNodes = [];
    if (text !== "") this.append(String(text));
  }
  get offsetParent() { return this.parentNode; }

  setAttribute(name, value) { this.attributes.set(name, String(value)); }
  removeAttribute(name) { this.attributes.delete(name); }
  get title() { return this.attributes.get("title") || ""; }
  set title(text) { this.attributes.set("title", text); }
  getAttribute(name) { return this.attributes.get(name) ?? null; }
  append(...nodes) {
    for (const node of nodes.map((one) => (one instanceof Node ? one : new Text(one)))) {
      node.remove();
      node.parentNode = this;
      this.childNodes.push(node);
    }
  }
  contains(other) { return other === this || this.childNodes.some((one) => one === other || (one instanceof Element && one.contains(other))); }
  closest(selector) { return this.matches(selector) ? this : this.parentElement?.closest(selector) ?? null; }
  matches(list) { return list.split(", ").some((selector) => fits(this, selector.split(" "))); }
  querySelectorAll(list) { return this.children.flatMap((one) => [...(one.matches(list) ? [one] : []), ...one.querySelectorAll(list)]); }
  querySelector(list) { return this.querySelectorAll(list)[0] ?? null; }

  addEventListener(type, listener) { this.listeners.set(type, [...this.listeners.get(type) || [], listener]); }
  removeEventListener(type, listener) { this.listeners.set(type, (this.listeners.get(type) || []).filter((one) => one !== listener)); }
  dispatchEvent(event) { return this.send(event.type, event); }
  /** Send an event here and up to the page; return it. */
  send(type, more = {}) {
    const event = Object.assign(more, { target: more.target ?? this, preventDefault() { this.defaultPrevented = true; }, stopPropagation() { this.stopped = true; } });
    for (let one = this; one && !event.stopped; one = one.parentNode ?? (one === document ? null : document))
      for (const listener of one.listeners.get(type) || []) listener(event);
    return event;
  }
  click() { if (!this.disabled) this.send("click"); }
  focus() {
    if (document.activeElement !== this) document.activeElement.send("blur");
    document.activeElement = this;
    this.send("focus");
  }
  getBoundingClientRect() { return { left: 0, top: 0, width: this.wide ?? 0, height: this.tall ?? 0 }; }

  createCaption() { return this.make("caption"); }
  createTHead() { return this.make("thead"); }
  createTBody() { return this.make("tbody"); }
  insertRow() { return this.make("tr"); }
  make(tag) {
    const made = document.createElement(tag);
    this.append(made);
    return made;
  }
  getContext() { return PAINT; }
  setPointerCapture() {}
}

class HTMLElement extends Element {}
const KINDS = Object.fromEntries(["Input", "Button", "Canvas", "Span", "Table"].map((name) => [name.toLowerCase(), class extends HTMLElement {}]));

function fits(element, chain) {
  if (!fitsOne(element, chain[chain.length - 1])) return false;
  if (chain.length === 1) return true;
  for (let above = element.parentElement; above instanceof Element; above = above.parentElement)
    if (fits(above, chain.slice(0, -1))) return true;
  return false;
}

function fitsOne(element, simple) {
  const [, tag, rest] = new RegExp(SIMPLE).exec(simple) || [];
  const parts = [...(rest || "").matchAll(/\.([\w-]+)|#([\w-]+)|\[([\w-]+)(?:=([^\]]*))?\]/g)];
  return (!tag || element.tagName === tag.toUpperCase()) && parts.every(([, name, id, attribute, value]) => (
    name ? element.classList.contains(name) : id ? element.getAttribute("id") === id
      : value === undefined ? element.attributes.has(attribute) : element.getAttribute(attribute) === value.replace(/"/g, "")));
}

/** Open a new page and make its names global, as a browser does. */
export function openPage() {
  const body = new HTMLElement("body"), page = new Element("#document");
  Object.assign(page, {
    body, activeElement: body,
    createElement: (tag) => new (KINDS[tag] || HTMLElement)(tag),
    createElementNS: (_space, tag) => new Element(tag),
    createTextNode: (text) => new Text(text),
  });
  page.childNodes = [body];
  class Observer {
    observe() {}
    disconnect() {}
  }
  Object.assign(globalThis, {
    document: page, window: globalThis, Element, HTMLElement, Text, HTMLInputElement: KINDS.input, HTMLButtonElement: KINDS.button,
    HTMLCanvasElement: KINDS.canvas, HTMLSpanElement: KINDS.span, HTMLTableElement: KINDS.table, MutationObserver: Observer,
    ResizeObserver: Observer, ImageData: class {}, devicePixelRatio: 1, getComputedStyle: (one) => one.style,
    requestAnimationFrame: (act) => setTimeout(act), cancelAnimationFrame: clearTimeout,
    CustomEvent: class { constructor(type, { detail }) { Object.assign(this, { type, detail }); } },
  });
  return page;
}

/** Return an element with children from lines like "tag.class" or "tag[name=value]", indented by two blanks a level. */
export function build(template) {
  const root = document.createElement("div"), levels = [root];
  for (const line of template.split("\n").filter((one) => one.trim())) {
    const level = line.search(/\S/) / 2, [, tag, classes, attribute, value] = /(\w+)([.\w-]*)(?:\[([\w-]+)=(\w+)\])?/.exec(line);
    const made = document.createElement(tag);
    made.className = classes.replace(/\./g, " ").trim();
    if (attribute) made.setAttribute(attribute, value);
    levels[level].append(made);
    levels[level + 1] = made;
  }
  return root;
}

/** Start a component as Gradio does; `sent` has its events, `set` gives it a value. sizes: selector → [width, height]. */
export function begin(start, template, { config = {}, server = {}, sizes = {}, ...others } = {}) {
  const element = build(template), watched = [], sent = [], props = { ...others };
  document.body.append(element);
  for (const [selector, [wide, tall]] of Object.entries(sizes)) Object.assign(element.querySelector(selector), { wide, tall });
  start({ element, props, server, trigger: (name, data) => sent.push([name, data]), watch: (_name, changed) => watched.push(changed) }, config);
  return { element, props, sent, set: (value) => {
    props.value = value;
    for (const changed of watched) changed();
  } };
}
