
// ------------------------------------------------------------------ taking it home: picture, numbers, table

const MOST_SAVED = 1 << 20, PAGE_WIDTH = 640;

function download(blob, ending) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = (value.title + " " + field.label).normalize("NFKC").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").toLowerCase() + "." + ending;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function wrapped(paint, text, most) {
  // lines of at most so many pixels, broken at spaces, or anywhere where a word alone is longer
  const lines = [""];
  for (const piece of text.split(/(?<= )/).flatMap((word) => (paint.measureText(word).width > most ? [...word] : [word]))) {
    if (paint.measureText(lines[lines.length - 1] + piece).width > most) lines.push("");
    lines[lines.length - 1] += piece;
  }
  return lines;
}

function savePicture() {
  draw();
  const margin = 12 * ratio, line = 17 * ratio, side = strips.rows.width, above = strips.columns.height;
  const page = document.createElement("canvas"), paint = page.getContext("2d");
  const font = (weight) => { paint.font = weight + " " + 13 * ratio + "px sans-serif"; };
  page.width = Math.max(width + side, PAGE_WIDTH * ratio) + 2 * margin;
  const room = page.width - 2 * margin;
  font("400");
  const below = [...new Set([pinText, value.note])].filter(Boolean).flatMap((text) => wrapped(paint, text, room));
  page.height = 3 * margin + 2 * line + above + height + line + below.length * line;
  paint.fillStyle = getComputedStyle(root).getPropertyValue("--body-background-fill").trim() || "#ffffff";
  paint.fillRect(0, 0, page.width, page.height);
  paint.textBaseline = "top";
  paint.fillStyle = theme.text;
  font("600");
  paint.fillText(value.title, margin, margin, room);
  font("400");
  paint.fillText(field.label, margin, margin + line, room);
  let y = margin + 2 * line;
  paint.drawImage(strips.columns, margin, y);
  paint.drawImage(canvas, margin, y + above);
  paint.drawImage(strips.rows, margin + width, y + above);
  y += above + height + margin;
  let x = margin;
  for (const entry of part("legend").children) {
    for (const piece of entry.childNodes) {
      if (piece.nodeName === "CANVAS") {
        paint.drawImage(piece, x, y, 130 * ratio, 11 * ratio);
        x += 134 * ratio;
      } else if (piece.nodeName === "SPAN") {
        paint.fillStyle = piece.style.background || "#9ca3af";
        paint.fillRect(x, y, 13 * ratio, 13 * ratio);
        x += 18 * ratio;
      } else {
        paint.fillStyle = theme.text;
        paint.fillText(piece.textContent, x, y);
        x += paint.measureText(piece.textContent).width + 4 * ratio;
      }
    }
    x += 12 * ratio;
  }
  paint.fillStyle = theme.text;
  below.forEach((text, at) => paint.fillText(text, margin, y + (at + 1) * line));
  page.toBlob((blob) => download(blob, "png"));
}

async function saveNumbers() {
  // every visible weight by itself where they fit one file, else what the pixels show
  const seen = visible(), few = seen.rows * seen.columns <= MOST_SAVED, of = field;
  const request = few ? { ...wanted(), row: seen.row, column: seen.column, rows: seen.rows, columns: seen.columns, height: seen.rows, width: seen.columns } : wanted();
  const answer = await server.tile({ ...request, values: 1 }).catch(() => null);
  if (!answer || answer.error || !answer.values || of !== field) {
    tell(words[answer && !answer.error ? "save_too_many" : "error_offline"]);
    return;
  }
  const numbers = new Float32Array(decode(answer.values).buffer), size = answer.height * answer.width;
  const plain = (number) => (Number.isNaN(number) ? "" : String(Number(number.toPrecision(9))));
  function cell(at) {
    if (of.kind !== "four") return plain(numbers[at]);
    const shares = [0, 1, 2].map((plane) => numbers[plane * size + at]);
    return answer.step === 1 ? String(shares.indexOf(1) + 1) : plain(shares[1] + shares[2]);
  }
  const pooled = answer.step === 1 ? "" : say("many_weights", { rows: answer.step, columns: answer.step, count: count(answer.step ** 2) });
  const kinds = of.kind === "four" ? of.categories.map((name, which) => which + " = " + name).join(", ") : of.unit;
  const told = "# " + [value.title, of.label, kinds, pooled, value.note].filter(Boolean).join(" · ").replace(/[\r\n\t]+/g, " ").replace(/"/g, "'");
  const lines = [told.split(/([,;])/).map(gblmCsv.harmless).join("")];   // a remark, not quoted: a spreadsheet cuts it at its commas
  const places = (first, many) => [...Array(many).keys()].map((at) => first + at * answer.step);
  lines.push(["row", ...places(answer.column, answer.width).map(storedColumn)].join(","));
  places(answer.row, answer.height).forEach((row, down) => {
    const line = [row];
    for (let along = 0; along < answer.width; along++) line.push(cell(down * answer.width + along));
    lines.push(line.join(","));
  });
  download(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }), "csv");
}

function toggleTable() {
  const shown = root.classList.toggle("tabled");
  root.querySelector("[data-do=table]").setAttribute("aria-pressed", String(shown));
}

const middleOf = () => [width / 2, height / 2];
const ACTIONS = {
  in: () => zoomTo(scale * 1.6, ...middleOf()), out: () => zoomTo(scale / 1.6, ...middleOf()), fit,
  table: toggleTable, png: savePicture, csv: saveNumbers,
};

for (const button of root.querySelectorAll(".matrix-tools button")) {
  button.addEventListener("click", () => { if (value && width) ACTIONS[button.dataset.do](); });
}
