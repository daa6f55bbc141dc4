// What waits until its tab is opened.

import assert from "node:assert/strict";
import test, { beforeEach } from "node:test";

import { openLinkedTab, showTab } from "../../gblm_viz/ui/components/place.js";
import { markFilled, openTab, whenShown } from "../../gblm_viz/ui/components/shown.js";

const soon = setTimeout, later = [];
globalThis.setTimeout = (go, wait = 0) => (wait > 1000 ? later.push(go) : soon(go, wait));

const moment = () => new Promise((go) => { setTimeout(go, 2); });

/** Note when a call is answered. */
function ask(heard, tab, place, name) {
  whenShown(tab, place).then((answer) => { assert.deepEqual(answer, []); heard.push(name); });
}

const listeners = {};
const panels = {};

/** What a tab is on the page: whether it is inert. */
class Panel {
  inert = false;
  dataset = {};
  checkVisibility() { return true; }
  toggleAttribute(_name, on) { this.inert = on; }
  removeAttribute() { this.inert = false; }
}

class Button {
  constructor(tab) { this.tab = tab; }
  closest(selector) { return this.tab && selector === "[data-tab-id]" ? this : null; }
  getAttribute() { return this.tab; }
}

beforeEach(() => {
  globalThis.window = {};
  globalThis.Element = Button;
  globalThis.document = {
    addEventListener: (event, listener) => { listeners[event] = listener; },
    getElementById: (id) => panels[id] || null };
  for (const name of Object.keys(panels)) delete panels[name];
  panels["tab-first"] = new Panel();
});

test("before any tab was chosen, the one on screen is answered and the others wait", async () => {
  const heard = [];
  ask(heard, "first", 0, "seen");
  ask(heard, "second", 1, "hidden");
  await moment();
  assert.deepEqual(heard, ["seen"]);
});

test("a hidden tab's calls are answered when it is opened, each place once, with the newest", async () => {
  const heard = [];
  openTab("first");
  ask(heard, "second", 1, "older");
  await moment();
  ask(heard, "second", 1, "newer");
  ask(heard, "second", 2, "other place");
  ask(heard, "third", 3, "other tab");
  await moment();
  assert.deepEqual(heard, []);
  openTab("second");
  await moment();
  assert.deepEqual(heard, ["newer", "other place"]);
  openTab("second");
  await moment();
  assert.deepEqual(heard, ["newer", "other place"]);
});

test("signals that come together are answered once, and a later one again", async () => {
  const heard = [];
  openTab("second");
  ask(heard, "second", 1, "one");
  ask(heard, "second", 1, "two");
  await moment();
  ask(heard, "second", 1, "three");
  await moment();
  assert.deepEqual(heard, ["two", "three"]);
});

test("a tab that is opened between a signal and its moment is filled once", async () => {
  const heard = [];
  openTab("first");
  ask(heard, "second", 1, "call");
  openTab("second");
  await moment();
  assert.deepEqual(heard, ["call"]);
});

test("a pointer or the focus on a tab's button fills it, and what comes after that waits again", async () => {
  for (const event of ["pointerover", "focusin"]) {
    const heard = [];
    globalThis.window = {};
    openTab("first");
    ask(heard, "second", 1, "before");
    listeners[event]({ target: new Button("") });
    listeners[event]({ target: {} });
    listeners[event]({ target: new Button("third") });
    await moment();
    assert.deepEqual(heard, []);
    listeners[event]({ target: new Button("second") });
    await moment();
    assert.deepEqual(heard, ["before"]);
    ask(heard, "second", 1, "after");
    await moment();
    assert.deepEqual(heard, ["before"]);
  }
});

test("an opened tab takes no clicks until everything that waited for it has come", async () => {
  const heard = [], second = panels["tab-second"] = new Panel();
  openTab("first");
  ask(heard, "second", 1, "one");
  ask(heard, "second", 2, "two");
  await moment();
  assert.equal(second.inert, false);
  openTab("second");
  await moment();
  assert.equal(second.inert, true);
  later.splice(0).forEach((go) => go());
  assert.equal(second.inert, false, "not for ever, if an answer is lost");
  openTab("second");
  await moment();
  markFilled("second", 1);
  assert.equal(second.inert, true);
  assert.equal(second.dataset.filled, undefined, "nothing of it is true yet");
  markFilled("second", 2);
  assert.equal(second.inert, false);
  assert.equal(second.dataset.filled, "true");
});

test("a signal to the tab on screen, and a tab that was filled before it opened, are not held", async () => {
  const heard = [], first = panels["tab-first"], second = panels["tab-second"] = new Panel();
  openTab("first");
  ask(heard, "first", 1, "seen");
  await moment();
  assert.equal(first.inert, false);
  ask(heard, "second", 2, "hidden");
  await moment();
  listeners.pointerover({ target: new Button("second") });
  markFilled("second", 2);
  openTab("second");
  await moment();
  assert.equal(second.inert, false);
});

test("the link's tab is opened, unless the visitor has opened another one or it is none of ours", () => {
  const names = ["overview", "text", "compare"];
  assert.deepEqual(openLinkedTab(names, "?tab=compare&seed=0"), [{ __type__: "update", selected: "compare" }]);
  assert.deepEqual(openLinkedTab(names, "?tab=constructor"), [{ __type__: "update" }]);
  assert.deepEqual(openLinkedTab(names, ""), [{ __type__: "update" }]);
  globalThis.window.gblmTab = "text";
  assert.deepEqual(openLinkedTab(names, "?tab=compare"), [{ __type__: "update" }]);
});

test("a tab announced late does not count as shown when another one is selected", () => {
  let selected = "text";
  globalThis.document.querySelector = () => (selected ? new Button(selected) : null);
  globalThis.document.body = { dataset: {} };
  showTab("text", "overview");
  showTab("compare", "overview");
  assert.equal(globalThis.window.gblmShown, "text");
  assert.equal(globalThis.window.gblmTab, "text");
  selected = ""; // its button is in the menu of those that do not fit
  showTab("compare", "overview");
  assert.equal(globalThis.window.gblmShown, "compare");
});
