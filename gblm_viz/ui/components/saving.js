// Lets every chart, model map, token's bars and strip be saved as PNG and CSV, and every table as CSV; says what a chart
// shows. The matrix view and the probes, which are more than what is on the page, have their own buttons.
// A picture made of the page's own boxes brings its numbers as data-rows (JSON: rows of cells, the first naming the
// columns) and what made it as data-made, where its tab has no line for that.
// Knows no model and no language: its two words come with it. csv_file.js stands before it.

((words) => {
  const TARGETS = ".small-chart .js-plotly-plot, .model-map[data-state=shown], .token-bars, .loss-strip[data-rows], table.plain";
  const plain = (text) => text.replace(/−/g, "-").replace(/\u202f/g, "").trim();

  function download(blob, target, ending) {
    const link = document.createElement("a"), named = target.closest("[id]");
    link.href = URL.createObjectURL(blob);
    link.download = (named ? named.id : "gblm-viz").replace(/^component-\d+$/, "gblm-viz") + "." + ending;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // What a target holds as rows of cells, the first row naming the columns.
  const ofTable = (table) => [...table.rows].map((row) => [...row.cells].filter((cell) => !cell.matches(".action")).map((cell) => plain(cell.textContent)));
  const ofMap = (map) => [["matrix", "value"],
    ...[...map.querySelectorAll("button[data-name]")].map((one) => [one.dataset.name, one.dataset.value])];
  const ofChart = (chart) => [["series", "x", "y"], ...chart._fullData.filter((one) => one.visible === true).flatMap((one) =>
    Array.from(one.x || [], (x, at) => [one.name, x, one.y[at]]))];
  const rowsOf = (target) => (target.dataset.rows ? JSON.parse(target.dataset.rows)
    : (target.matches("table") ? ofTable : target.matches(".model-map") ? ofMap : ofChart)(target));

  const MADE = ["overview", "gradient", "prune", "patterns", "weight", "sweep", "won"].map((tab) => `#${tab}-tag`).join(", ");

  function madeOf(target) {
    // the line of its tab that says what made the picture: model, text, samples, settings
    if (target.dataset.made) return target.dataset.made;
    let home = target.parentElement;
    while (home && !home.querySelector(MADE)) home = home.parentElement;
    const line = home && home.querySelector(MADE), last = line && [...line.querySelectorAll(".tag")].pop();
    return line ? (last || line).innerText.trim() : "";
  }

  function wrapped(paint, text, most) {
    // Japanese breaks anywhere, words at their spaces
    const lines = [""];
    for (const piece of text.match(/[\x21-\u2fff]+ ?|\s|./gsu) || []) {
      if (lines[lines.length - 1] && paint.measureText(lines[lines.length - 1] + piece).width > most) lines.push("");
      lines[lines.length - 1] += piece;
    }
    return lines;
  }

  function paper(target, origin = target) {
    // a page as large as the picture, and below it what made it
    const canvas = document.createElement("canvas"), paint = canvas.getContext("2d"), ratio = 2, line = 16;
    const box = target.getBoundingClientRect(), style = getComputedStyle(document.body), font = "12px " + style.fontFamily;
    paint.font = font;
    const told = wrapped(paint, madeOf(origin), box.width - 16);
    canvas.width = Math.ceil(box.width * ratio);
    canvas.height = Math.ceil((box.height + line * (told.length + 1)) * ratio);
    paint.scale(ratio, ratio);
    paint.fillStyle = style.backgroundColor;
    paint.fillRect(0, 0, canvas.width, canvas.height);
    paint.font = font;
    paint.fillStyle = style.color;
    told.forEach((text, at) => paint.fillText(text, 8, box.height + line * (at + 1)));
    return [canvas, paint];
  }

  async function drawChart(chart) {
    // a chart is a few SVG pictures, one on the other
    const box = chart.getBoundingClientRect(), [canvas, paint] = paper(chart);
    for (const layer of chart.querySelectorAll("svg.main-svg")) {
      const copy = layer.cloneNode(true), image = new Image();
      copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
      copy.style.background = "none";
      image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(new XMLSerializer().serializeToString(copy));
      await image.decode();
      paint.drawImage(image, 0, 0, box.width, box.height);
    }
    return canvas;
  }

  function drawWhole(target) {
    // a copy that has room for all of it, where the page scrolls
    const copy = target.cloneNode(true);
    copy.classList.add("whole");
    copy.style.cssText = `position: absolute; width: ${target.getBoundingClientRect().width}px`;
    target.after(copy);
    try { return drawBoxes(copy, target); } finally { copy.remove(); }
  }

  function drawBoxes(map, origin) {
    // boxes, lines below words and words as they stand on the page
    const frame = map.getBoundingClientRect(), [canvas, paint] = paper(map, origin);
    paint.textBaseline = "middle";
    for (const part of map.querySelectorAll("*")) {
      const box = part.getBoundingClientRect(), style = getComputedStyle(part), x = box.left - frame.left, y = box.top - frame.top;
      if (part.closest(".save-bar") || !box.width) continue;
      const stops = style.backgroundImage.match(/rgba?\([^)]*\)/g) || [];
      paint.fillStyle = style.backgroundColor;
      if (stops.length) {
        paint.fillStyle = paint.createLinearGradient(x, 0, x + box.width, 0);
        stops.forEach((stop, at) => paint.fillStyle.addColorStop(at / Math.max(1, stops.length - 1), stop));
      }
      const line = parseFloat(style.borderTopWidth) ? 0 : parseFloat(style.borderBottomWidth);
      paint.strokeStyle = style.borderBottomColor;
      paint.lineWidth = line;
      paint.setLineDash(style.borderBottomStyle === "dotted" ? [line, line] : []);
      for (const one of part.getClientRects()) {                // words that go on in the next line have a box in each
        const left = one.left - frame.left, top = one.top - frame.top;
        paint.fillRect(left, top, one.width, one.height - line);
        if (!line) continue;
        paint.beginPath();
        paint.moveTo(left, top + one.height - line / 2);
        paint.lineTo(left + one.width, top + one.height - line / 2);
        paint.stroke();
      }
      if (style.fontSize === "0px") continue;
      paint.save();
      if (style.overflow !== "visible" && style.display !== "inline") {
        paint.beginPath();
        paint.rect(x, y, box.width, box.height);
        paint.clip();
      }
      paint.fillStyle = style.color;
      paint.font = style.fontWeight + " " + style.fontSize + " " + style.fontFamily;
      for (const words of part.childNodes) {
        if (words.nodeType !== Node.TEXT_NODE) continue;
        for (const one of linesOf(words)) paint.fillText(one.text, one.left - frame.left, one.middle - frame.top);
      }
      paint.restore();
    }
    return canvas;
  }

  function linesOf(words) {
    // a text as the page breaks it into lines, each with its place
    const found = [], range = document.createRange();
    let at = 0;
    for (const letter of words.data) {
      range.setStart(words, at);
      range.setEnd(words, at += letter.length);
      const box = range.getBoundingClientRect(), middle = box.top + box.height / 2, last = found[found.length - 1];
      if (!box.width) continue;                                 // a line's end, a blank that is not shown
      if (last && Math.abs(last.middle - middle) < 3) last.text += letter;
      else found.push({ text: letter, left: box.left, middle });
    }
    return found;
  }

  function bar(target) {
    const made = document.createElement("span"), picture = !target.matches("table");
    made.className = "save-bar";
    const actions = { png: async () => (await (target.matches(".js-plotly-plot") ? drawChart : drawWhole)(target)).toBlob((blob) => download(blob, target, "png")),
      csv: () => download(new Blob(["\ufeff", gblmCsv.lines(rowsOf(target))], { type: "text/csv" }), target, "csv") };
    for (const kind of picture ? ["png", "csv"] : ["csv"]) {
      const link = document.createElement("a");              // a link: what it leads to is a file
      link.href = "#";
      link.textContent = kind.toUpperCase();
      link.title = words[kind];
      link.setAttribute("aria-label", words[kind]);
      link.addEventListener("click", (event) => {
        event.preventDefault();
        actions[kind]();
      });
      made.append(link);
    }
    return made;
  }

  function describe(chart) {
    // what the chart says to those who cannot see it; its numbers are one link further, as CSV
    const layout = chart.layout || {}, text = (one) => String((one && one.text) || "").replace(/<[^>]*>/g, " ").trim();
    const series = (chart.data || []).map((one) => one.name).filter(Boolean);
    chart.setAttribute("role", "figure");
    chart.setAttribute("aria-label", [text(layout.title), series.join(", "), ...["xaxis", "yaxis"].map((axis) =>
      text((layout[axis] || {}).title))].filter(Boolean).join("; "));
  }

  let soon = 0;
  function attach() {
    soon = 0;
    for (const target of document.querySelectorAll(TARGETS)) {
      const home = target.matches("table") ? target.parentElement : target;
      if (target.matches(".js-plotly-plot")) describe(target);
      if ([...home.children].some((one) => one.matches(".save-bar") && (home === target || one.previousElementSibling === target))) continue;
      if (home === target) home.append(bar(target));
      else target.after(bar(target));
    }
  }
  new MutationObserver(() => { if (!soon) soon = requestAnimationFrame(attach); }).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-state"] });
})(WORDS);
