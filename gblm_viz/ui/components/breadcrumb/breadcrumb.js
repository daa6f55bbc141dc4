// Shows where one is, and goes up: by a click to that level, by Esc one level. Every word comes in props.value.

const root = element.querySelector(".breadcrumb"), list = root.querySelector("ol");

function accept() {
  const value = props.value || { parts: [], label: "", hint: "" }, last = value.parts.length - 1;
  root.setAttribute("aria-label", value.label);
  list.textContent = "";
  value.parts.forEach((text, at) => {
    const item = document.createElement("li"), part = document.createElement(at < last ? "button" : "span");
    part.textContent = text;
    if (at < last) {
      part.type = "button";
      part.title = value.hint;
      part.addEventListener("click", () => trigger("select", { level: at + 1 }));
    } else part.setAttribute("aria-current", "location");
    item.append(part);
    list.append(item);
  });
}

function onKey(event) {
  if (!element.isConnected) {
    document.removeEventListener("keydown", onKey);
    return;
  }
  // an open list, a box that is written in, or a picture that let its own pin go has used the key up
  const busy = event.target instanceof Element && event.target.closest("input, textarea, select, [role=listbox], [aria-expanded=true]");
  const parts = props.value ? props.value.parts.length : 0;
  if (event.key === "Escape" && !event.defaultPrevented && !busy && parts > 1) trigger("select", { level: parts - 1 });
}

function onHover(event) {
  // the weight a picture is pointed at, for as long as it is
  if (!element.isConnected) {
    document.removeEventListener("weight-hover", onHover);
    return;
  }
  const { at } = event.detail, shown = list.querySelector(".hovered");
  if (shown) shown.remove();
  if (!at || !props.value || !props.value.weight) return;
  const item = document.createElement("li"), part = document.createElement("span");
  item.className = "hovered";
  part.textContent = props.value.weight.replace("{row}", at.row).replace("{column}", at.column);
  item.append(part);
  list.append(item);
}

document.addEventListener("weight-hover", onHover);
document.addEventListener("keydown", onKey);
watch("value", accept);
accept();
