
// ------------------------------------------------------------------ a place pointed at in another view

// Views in sight whose matrices have one shape show the same matrix in several ways (its mask, Wanda's, a shuffled one):
// what one is pointed at, the others frame and read out as well. Nothing is chosen by that.
let echo = null;                        // { row, column } as stored, while another view is pointed at

function sendEcho() {
  const block = pointer && !drag ? pointed() : null;
  const at = block && { row: block.exactRow, column: storedColumn(block.exactColumn) };
  document.dispatchEvent(new CustomEvent("weight-hover", { detail: { from: root, rows: value && value.rows, columns: value && value.columns, at } }));
}

function hearEcho(event) {
  if (!element.isConnected) {
    document.removeEventListener("weight-hover", hearEcho);
    return;
  }
  const { from, rows, columns, at } = event.detail;
  if (from === root || !value || !root.offsetParent) return;
  echo = rows === value.rows && columns === value.columns ? at : null;
  if (pointer) return;
  readPointer();
  drawSoon();
}
document.addEventListener("weight-hover", hearEcho);
