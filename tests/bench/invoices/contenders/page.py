"""The invoice as a page of HTML, for WeasyPrint and for Chromium alike: the layout of our own, written the way one writes
it for a browser."""

from html import escape
from pathlib import Path

FACES = """
@font-face { font-family: Inter; font-weight: 400; src: url(FONTS/Inter-Regular.ttf) }
@font-face { font-family: Inter; font-weight: 500; src: url(FONTS/Inter-Medium.ttf) }
@font-face { font-family: Inter; font-weight: 600; src: url(FONTS/Inter-SemiBold.ttf) }
"""

CSS = """
@page { size: A4; margin: 42pt 42pt 60pt; @bottom-left { content: "LEGAL"; font: 7pt Inter; color: #6b7280 }
        @bottom-right { content: "PAGE " counter(page) "/" counter(pages); font: 7pt Inter; color: #6b7280 } }
body { margin: 0; font: 9pt/1.35 Inter; color: #111827; font-variant-numeric: tabular-nums }
header { display: flex; justify-content: space-between; margin-bottom: 18pt }
header h1 { margin: 0; font-size: 22pt; font-weight: 600; text-align: right }
header p { margin: 0; color: #1d4ed8; font-weight: 500; text-align: right }
.seller { color: #6b7280; font-size: 8pt } .seller b { color: #111827; font-size: 13pt; font-weight: 600; display: block }
.facts td:first-child { color: #6b7280; padding-right: 14pt } .facts td:last-child { text-align: right }
.two { display: flex; justify-content: space-between; margin-bottom: 14pt }
.card { background: #f3f4f6; border-radius: 5pt; padding: 9pt 11pt; margin-bottom: 14pt }
.card small { color: #6b7280; font-size: 7pt; display: block } .card b { font-weight: 600; display: block }
table { border-collapse: collapse } .lines { width: 100%; margin-bottom: 12pt }
.lines th { background: #111827; color: #fff; font-weight: 500; padding: 5pt; text-align: right }
.lines td { border-bottom: .5pt solid #e5e7eb; padding: 5pt; text-align: right; vertical-align: top }
.lines tr { break-inside: avoid } .lines th:first-child, .lines td:first-child { text-align: left }
.lines small { color: #6b7280; font-size: 8pt; display: block }
.end { break-inside: avoid } .recap th, .recap td { padding: 2pt 8pt 2pt 0; text-align: right; font-weight: 400 }
.recap th:first-child, .recap td:first-child { text-align: left } .recap caption { text-align: left; font-weight: 600 }
.sums td { padding: 2pt 6pt } .sums td:last-child { text-align: right; padding-left: 26pt }
.sums .strong td { font-weight: 600 } .sums .balance td { background: #1d4ed8; color: #fff; font-weight: 600; padding: 6pt }
.notes { color: #6b7280; font-size: 8pt } h2 { font-size: 9pt; font-weight: 600; margin: 0 0 2pt } p { margin: 0 0 2pt }
"""


def cells(tag, texts):
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)


def rows(all_of_them):
    return "".join(f"<tr>{cells('td', row)}</tr>" for row in all_of_them)


def line(row):
    details = "".join(f"<small>{escape(text)}</small>" for text in row["details"])
    return f"<tr><td>{escape(row['name'])}{details}</td>{cells('td', row['figures'])}</tr>"


def paragraphs(texts):
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


def faces(folder):
    """The fonts, as a style sheet."""
    return FACES.replace("FONTS", Path(folder).resolve().as_uri())


def html(d, more_css=""):
    """The page of a document."""
    name, *address = d["seller"]
    css = more_css + CSS.replace("LEGAL", d["legal"]).replace("PAGE", d["page"])
    sums = "".join(f"<tr class='{'strong' if strong else ''}'>{cells('td', (label, value))}</tr>"
                   for label, value, strong in d["totals"])
    return f"""<!doctype html><html lang="{d['language']}"><head><meta charset="utf-8"><title>{escape(d['title'])}
{escape(d['number'])}</title><style>{css}</style></head><body>
<header><div class="seller"><b>{escape(name)}</b></div>
<div><h1>{escape(d['title'])}</h1><p>{escape(d['number'])}</p></div></header>
<div class="two"><div class="seller">{paragraphs(address)}</div><table class="facts">{rows(d['facts'])}</table></div>
<div class="card"><small>{escape(d['buyer']['label'])}</small><b>{escape(d['buyer']['name'])}</b>
{paragraphs(d['buyer']['lines'])}</div>
<table class="lines"><thead><tr>{cells('th', d['columns'])}</tr></thead>
<tbody>{''.join(map(line, d['rows']))}</tbody></table>
<div class="end"><div class="two"><table class="recap"><caption>{escape(d['recap']['caption'])}</caption>
<tr>{cells('th', d['recap']['columns'])}</tr>{rows(d['recap']['rows'])}</table>
<table class="sums">{sums}<tr class="balance">{cells('td', d['balance'])}</tr></table></div>
<h2>{escape(d['payment']['heading'])}</h2>{paragraphs(d['payment']['lines'])}
<table class="facts">{rows(d['payment']['facts'])}</table>
<div class="notes">{paragraphs(d['notes'])}</div></div></body></html>"""

