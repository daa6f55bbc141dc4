// Draws one side's answers. While one grows only its text is touched; then each token can be picked. Words come in props.value.

const root = element.querySelector(".chat"), REST = 150;
let growing = null, timer = 0;

function make(parent, tag, kind, text) {
  const one = document.createElement(tag);
  one.className = kind;
  one.textContent = text;
  parent.append(one);
  return one;
}

function said(value) {
  const box = make(root, "div", "said " + value.look, "");
  box.dataset.side = value.look;
  return box;
}

function grow(bubble) {
  // code points, as the server counts them
  const text = [...bubble.growing], [from, to] = bubble.mark || [text.length, text.length];
  const parts = [text.slice(0, from), text.slice(from, to), text.slice(to)].map((part) => part.join(""));
  growing.nodes.forEach((node, at) => { if (node.data !== parts[at]) node.data = parts[at]; });
  root.scrollTop = root.scrollHeight;
}

function begin(value) {
  const box = said(value), mark = document.createElement("mark");
  mark.className = "parting";
  const nodes = [0, 1, 2].map(() => document.createTextNode(""));
  mark.append(nodes[1]);
  box.append(nodes[0], mark, nodes[2]);
  make(box, "span", "cursor", "▍").setAttribute("aria-hidden", "true");
  growing = { count: value.bubbles.length, look: value.look, nodes };
}

function pick(token, place) {
  clearTimeout(timer);
  document.querySelectorAll(".chat .tok.picked").forEach((one) => {
    one.classList.remove("picked");
    one.setAttribute("aria-selected", "false");
  });
  token.classList.add("picked");
  token.setAttribute("aria-selected", "true");
  trigger("select", { place });
}

function tokens(value, bubble, number) {
  const box = said(value), open = value.open, count = bubble.tokens.length;
  if (!open) {
    bubble.tokens.forEach((text, at) => dress(make(box, "span", "tok", text), bubble, at));
    if (bubble.parting === count) make(box, "mark", "parting", "◾");
    if (!count) box.append("…");
    return;
  }
  box.setAttribute("role", "listbox");
  box.setAttribute("aria-orientation", "horizontal");
  box.setAttribute("aria-label", value.words.answer);
  const all = bubble.tokens.map((text, at) => dress(make(box, "span", text ? "tok" : "tok part", text), bubble, at));
  const last = make(box, "span", "tok next", count ? "∎" : "…");
  last.setAttribute("aria-label", value.words.next);
  last.title = value.words.next;
  if (bubble.parting === count) last.classList.add("parting");
  all.push(last);
  all.forEach((token, at) => {
    token.setAttribute("role", "option");
    token.setAttribute("aria-selected", "false");
    token.tabIndex = at ? -1 : 0;
    token.dataset.token = at;
    if (token.classList.contains("part")) token.setAttribute("aria-label", value.words.part);
    token.addEventListener("click", () => { go(at); pick(token, [number, at]); });
    token.addEventListener("focus", () => all.forEach((one) => { one.tabIndex = one === token ? 0 : -1; }));
    token.addEventListener("keydown", (event) => {
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
      if (event.key === "Enter" || event.key === " ") pick(token, [number, at]);
      else if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      else if (all[to]) {
        go(to);
        clearTimeout(timer);                      // one question for where the walk rests
        timer = setTimeout(() => pick(all[to], [number, to]), REST);
      }
      event.preventDefault();
    });
  });
  function go(at) { all[at].focus(); }
}

function dress(token, bubble, at) {
  if (bubble.same) token.classList.add(bubble.same[at] ? "same" : "differs");
  if (bubble.parting === at) token.classList.add("parting");
  return token;
}

function accept() {
  const value = props.value || { bubbles: [], look: "", words: { empty: "" }, stale: false, open: false };
  const last = value.bubbles[value.bubbles.length - 1];
  if (growing && last && "growing" in last && growing.count === value.bubbles.length && growing.look === value.look) {
    grow(last);
    return;
  }
  clearTimeout(timer);
  growing = null;
  root.textContent = "";
  root.classList.toggle("stale", value.stale);
  if (!value.bubbles.length) make(root, "div", "empty", value.words.empty);
  value.bubbles.forEach((bubble, number) => {
    make(root, "div", "asked", bubble.asked);
    if ("growing" in bubble) {
      begin(value);
      grow(bubble);
    } else tokens(value, bubble, number);
  });
  const asked = root.querySelectorAll(".asked");
  if (growing) root.scrollTop = root.scrollHeight;
  else if (asked.length) root.scrollTop = asked[asked.length - 1].offsetTop - root.offsetTop;   // read from the beginning
}

watch("value", accept);
accept();
