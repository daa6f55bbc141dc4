
// ------------------------------------------------------------------ controls of the page that the picture follows

const REST = 250;                       // milliseconds without a move after which the controls have come to rest
let resting = 0;

function setting(place, moved) {
  // what a slider, a number box or a choice says now; null where it is not shown and plays no part
  const home = document.querySelector(place);
  if (!home || !home.offsetParent) return null;
  const input = home.contains(moved) ? moved : home.querySelector("input:checked, input[type=number]");
  return !input ? null : input.type === "radio" ? input.value : Number(input.value);
}

function follow(event) {
  if (!element.isConnected) {
    document.removeEventListener("input", follow);
    return;
  }
  if (!value || !Object.values(value.live || {}).some((place) => event.target.closest(place))) return;
  if (event.target.type !== "radio") {                 // a choice is heard by its own component
    clearTimeout(resting);
    resting = setTimeout(() => trigger("release", {}), REST);
  }
  heard = event.target;
  root.dataset.live = "";
  if (!flying) ask();
}

function catchUp() {
  // the controls are read once a request, not once a move: reading them lays the page out anew
  if (!heard || !value) return;
  live = {};
  for (const [name, place] of Object.entries(value.live)) {
    const now = setting(place, heard);
    if (now !== null) live[name] = now;
  }
  heard = null;
  root.dataset.live = JSON.stringify(live);
}
document.addEventListener("input", follow);
