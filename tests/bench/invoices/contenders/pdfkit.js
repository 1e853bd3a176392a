// pdfkit.js DOCUMENT FONTS COUNT OUT: the invoice as plain PDF, COUNT times. Rows are measured before they are placed, the
// head of the table is repeated, and the foot is written when the number of pages is known.
const fs = require("fs");
const PDFDocument = require("pdfkit");

const [document, folder, count, out] = process.argv.slice(2);
const d = JSON.parse(fs.readFileSync(document, "utf8"));
const fonts = Object.fromEntries(
  ["Regular", "Medium", "SemiBold"].map((name) => [name, fs.readFileSync(`${folder}/Inter-${name}.ttf`)]),
);
const [GREY, DARK, BLUE, LEFT, WIDTH, BOTTOM] = ["#6b7280", "#111827", "#1d4ed8", 42, 511, 770];
const COLUMNS = [236, 62, 90, 43, 80];

function text(pdf, string, x, y, width, { font = "Regular", size = 9, color = DARK, align = "left" } = {}) {
  pdf.font(font).fontSize(size).fillColor(color).text(string, x, y, { width, align });
  return pdf.y;
}

function pairs(pdf, facts, x, y, width, options = {}) {
  for (const [label, value] of facts) {
    text(pdf, label, x, y, width, { color: GREY, ...options });
    y = text(pdf, value, x, y, width, { align: "right", ...options }) + 2;
  }
  return y;
}

function top(pdf) {
  const [name, ...address] = d.seller;
  text(pdf, name, LEFT, 42, 250, { font: "SemiBold", size: 13 });
  text(pdf, d.title, LEFT, 42, WIDTH, { font: "SemiBold", size: 22, align: "right" });
  text(pdf, d.number, LEFT, 70, WIDTH, { font: "Medium", color: BLUE, align: "right" });
  const left = text(pdf, address.join("\n"), LEFT, 96, 250, { size: 8, color: GREY });
  const y = Math.max(left, pairs(pdf, d.facts, LEFT + 291, 96, 220)) + 12;
  const height = 42 + 12 * d.buyer.lines.length;
  pdf.roundedRect(LEFT, y, WIDTH, height, 5).fill("#f3f4f6");
  text(pdf, d.buyer.label, LEFT + 11, y + 9, WIDTH, { size: 7, color: GREY });
  text(pdf, d.buyer.name, LEFT + 11, y + 19, WIDTH, { font: "SemiBold" });
  text(pdf, d.buyer.lines.join("\n"), LEFT + 11, y + 31, WIDTH);
  return y + height + 14;
}

function cells(pdf, texts, y, options) {
  let x = LEFT;
  texts.forEach((string, i) => {
    text(pdf, string, x + 5, y + 5, COLUMNS[i] - 10, { ...options, align: i ? "right" : "left" });
    x += COLUMNS[i];
  });
}

function head(pdf, y) {
  pdf.rect(LEFT, y, WIDTH, 21).fill(DARK);
  cells(pdf, d.columns, y, { font: "Medium", color: "#ffffff" });
  return y + 21;
}

function lines(pdf, y) {
  y = head(pdf, y);
  for (const row of d.rows) {
    const details = row.details.join("\n");
    const name = pdf.font("Regular").fontSize(9).heightOfString(row.name, { width: COLUMNS[0] - 10 });
    const more = details ? pdf.fontSize(8).heightOfString(details, { width: COLUMNS[0] - 10 }) : 0;
    const height = name + more + 10;
    if (y + height > BOTTOM) {
      pdf.addPage();
      y = head(pdf, 42);
    }
    cells(pdf, [row.name, ...row.figures], y);
    if (details) text(pdf, details, LEFT + 5, y + 5 + name, COLUMNS[0] - 10, { size: 8, color: GREY });
    y += height;
    pdf.moveTo(LEFT, y).lineTo(LEFT + WIDTH, y).lineWidth(0.5).stroke("#e5e7eb");
  }
  return y + 12;
}

function end(pdf, y) {
  if (y + 60 + 16 * d.totals.length + 14 * (d.payment.lines.length + d.payment.facts.length) + 24 * d.notes.length > BOTTOM) {
    pdf.addPage();
    y = 42;
  }
  let left = text(pdf, d.recap.caption, LEFT, y, 230, { font: "SemiBold" }) + 2;
  for (const row of [d.recap.columns, ...d.recap.rows]) {
    row.forEach((string, i) => text(pdf, string, LEFT + 70 * i, left, 66, { align: i ? "right" : "left" }));
    left = pdf.y + 2;
  }
  for (const [label, value, strong] of d.totals) {
    y = pairs(pdf, [[label, value]], LEFT + 291, y, 214, { color: DARK, font: strong ? "SemiBold" : "Regular" });
  }
  pdf.rect(LEFT + 285, y, 226, 23).fill(BLUE);
  y = pairs(pdf, [d.balance], LEFT + 291, y + 6, 214, { color: "#ffffff", font: "SemiBold" });
  y = text(pdf, d.payment.heading, LEFT, Math.max(y, left) + 14, WIDTH, { font: "SemiBold" });
  y = text(pdf, d.payment.lines.join("\n"), LEFT, y, WIDTH);
  y = pairs(pdf, d.payment.facts, LEFT, y, 240);
  text(pdf, d.notes.join("\n"), LEFT, y, WIDTH, { size: 8, color: GREY });
}

function feet(pdf) {
  const { count: pages } = pdf.bufferedPageRange();
  for (let page = 0; page < pages; page++) {
    pdf.switchToPage(page);
    pdf.page.margins.bottom = 0; // else the foot would open a page
    text(pdf, d.legal, LEFT, 800, 380, { size: 7, color: GREY });
    text(pdf, `${d.page} ${page + 1}/${pages}`, LEFT, 800, WIDTH, { size: 7, color: GREY, align: "right" });
  }
}

function draw() {
  return new Promise((done) => {
    const pdf = new PDFDocument({ size: "A4", margin: LEFT, bufferPages: true, lang: d.language });
    const parts = [];
    pdf.on("data", (part) => parts.push(part));
    pdf.on("end", () => done(Buffer.concat(parts)));
    Object.entries(fonts).forEach(([name, font]) => pdf.registerFont(name, font));
    end(pdf, lines(pdf, top(pdf)));
    feet(pdf);
    pdf.end();
  });
}

(async () => {
  for (let n = 0; n < Number(count); n++) fs.writeFileSync(out, await draw());
})();
