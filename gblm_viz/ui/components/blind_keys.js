// Votes by single keys: A, B, C for a place, T for no difference, R to reveal. Knows the buttons by their ids alone.

const BUTTONS = { a: "vote-a", b: "vote-b", c: "vote-c", t: "vote-tie", r: "reveal" };

function onKey(event) {
  if (!element.isConnected) {
    document.removeEventListener("keydown", onKey);
    return;
  }
  const typing = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable=true]");
  const button = document.getElementById(BUTTONS[event.key.toLowerCase()]);
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !button || button.disabled || !button.checkVisibility()) return;
  event.preventDefault();
  button.click();
}

document.addEventListener("keydown", onKey);
