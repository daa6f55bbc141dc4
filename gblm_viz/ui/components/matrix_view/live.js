
// ------------------------------------------------------------------ controls of the page that the picture follows

const REST = 250;                       // milliseconds without a move after which the controls have come to rest
const AFTER = 20;                       // frames for which a list is still looked at once it has been left
let resting = 0;

const listed = (input) => input.getAttribute("role") === "combobox";

function setting({ place, choices }, moved) {
  // what a slider, a number box, a choice or a list says now; null where it is not shown and plays no part
  const home = document.querySelector(place);
  if (!home || !home.offsetParent) return null;
  const input = home.contains(moved) ? moved : home.querySelector("input:checked, input[type=number], input[role=combobox]");
  if (!input) return null;
  if (listed(input)) return input.value in choices ? choices[input.value] : input.value;
  return input.type === "radio" ? input.value : Number(input.value);
}

const followed = (input) => value && Object.values(value.live || {}).some(({ place }) => input.closest(place));
const slider = (input) => (props.sliders || []).some((place) => input.closest(place));

function follow(event) {
  if (!element.isConnected) {
    document.removeEventListener("input", follow);
    return;
  }
  if (slider(event.target)) {             // also while there is no picture that follows it
    clearTimeout(resting);
    resting = setTimeout(() => trigger("release", {}), REST);
  }
  if (!followed(event.target)) return;
  heard = event.target;
  root.dataset.live = "";
  if (!flying) ask();
}

function watchList(event) {
  // a list whose entry is chosen changes what it shows without an event: looked at each frame, as long as it is in use
  if (!element.isConnected) {
    document.removeEventListener("focusin", watchList);
    return;
  }
  const input = event.target;
  if (!(input instanceof HTMLInputElement) || !listed(input) || !followed(input)) return;
  let shown = input.value, left = AFTER;
  const look = () => {
    if (input.value !== shown) {
      shown = input.value;
      follow({ target: input });
    }
    left = document.activeElement === input ? AFTER : left - 1;
    if (left) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

function catchUp() {
  // the controls are read once a request, not once a move: reading them lays the page out anew
  if (!heard || !value) return;
  live = {};
  for (const [name, control] of Object.entries(value.live)) {
    const now = setting(control, heard);
    if (now !== null) live[name] = now;
  }
  heard = null;
  root.dataset.live = JSON.stringify(live);
}
document.addEventListener("input", follow);
document.addEventListener("focusin", watchList);
