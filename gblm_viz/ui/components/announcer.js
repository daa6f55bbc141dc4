// Tells a screen reader what changed on the page, from one place that is always there. What Gradio draws is replaced as a whole at
// every update: a live region of its own would be missed where it is new, and be read again several times a second while work runs.

/** An element that is told: this attribute names it. `data-said` is what is told in place of its text. */
const TOLD = "data-announce";
const REST = 400; // milliseconds: of changes that come together, the last one is told

/**
 * Return what is new, and remember it: of each place its sentence, where it is another one than before. An emptied place may be
 * told the same again later.
 * @param {Map<string, string>} said what was told before, by place
 * @param {readonly (readonly [place: string, sentence: string])[]} seen
 * @returns {string[]}
 */
export function chooseNews(said, seen) {
  const news = seen.filter(([place, sentence]) => sentence && said.get(place) !== sentence).map(([, sentence]) => sentence);
  for (const [place, sentence] of seen) said.set(place, sentence);
  return news;
}

/**
 * @param {Element} element
 * @returns {[place: string, sentence: string]}
 */
export function readPlace(element) {
  const sentence = element.getAttribute("data-said") ?? element.textContent ?? "";
  return [element.getAttribute(TOLD) || "", sentence.replace(/\s+/g, " ").trim()];
}

export function start() {
  const region = document.createElement("div"), said = new Map();
  region.id = "announcer";
  region.className = "only-read";
  region.setAttribute("role", "status");
  let waiting = 0;
  const tell = () => {
    waiting = 0;
    if (!region.isConnected) document.body.append(region);
    const shown = [...document.querySelectorAll(`[${TOLD}]`)].filter((one) => one.checkVisibility());
    const news = chooseNews(said, shown.map(readPlace));
    if (news.length) region.textContent = news.join(" ");
  };
  new MutationObserver((changes) => {
    if (!waiting && changes.some(({ target }) => target !== region)) waiting = window.setTimeout(tell, REST);
  }).observe(document, { subtree: true, childList: true, characterData: true });
}
