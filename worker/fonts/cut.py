#!/usr/bin/env python3
"""Cuts the faces of this folder out of their packages. README.md says which packages, and why.

    python3 -m venv venv && venv/bin/pip install fonttools brotli
    venv/bin/python cut.py FOLDER_OF_THE_UNPACKED_PACKAGES .
"""

import codecs
import glob
import os
import sys

from fontTools import merge, subset
from fontTools.ttLib import TTCollection, TTFont

SOURCES, HERE = sys.argv[1], sys.argv[2]


def found(pattern):
    paths = sorted(glob.glob(os.path.join(SOURCES, "**", pattern), recursive=True))
    assert paths, pattern
    return paths


def cut(font, name, codes, features, keep_names=False):
    options = subset.Options()
    options.layout_features = features
    options.hinting = False
    options.desubroutinize = False
    options.drop_tables += ["DSIG", "STAT", "meta", "vhea", "vmtx", "VORG", "BASE"]
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    options.glyph_names = False
    options.canonical_order = True
    font.recalcTimestamp = False
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=codes)
    cutter.subset(font)
    path = os.path.join(HERE, name)
    font.flavor = None
    font.save(path)
    print(f"{name}: {len(font.getGlyphOrder())} glyphs, {os.path.getsize(path)} bytes")


def span(*ranges):
    return {code for first, last in ranges for code in range(first, last + 1)}


def charset(name, first, last):
    """Characters of a two-byte set, rows first..last."""
    codes = set()
    for row in range(first, last + 1):
        for cell in range(0xA1, 0xFF):
            try:
                codes.update(map(ord, codecs.decode(bytes([row, cell]), name)))
            except UnicodeDecodeError:
                pass
    return codes


WESTERN = span(
    (0x20, 0x7E), (0xA0, 0x24F), (0x259, 0x259), (0x2B0, 0x2FF), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F),
    (0x1E00, 0x1EFF), (0x1F00, 0x1FFF), (0x2000, 0x200A), (0x2010, 0x2027), (0x202F, 0x2060), (0x2070, 0x209F),
    (0x20A0, 0x20C0), (0x2100, 0x214F), (0x2150, 0x218B), (0x2190, 0x2199), (0x2200, 0x2265), (0x25A0, 0x25CF),
    (0x2713, 0x2717), (0xFFFD, 0xFFFD),
)
# No `calt`: it turns 3x4 into a multiplication sign and -> into an arrow; the page must say what the record says.
LATIN = ["kern", "mark", "mkmk", "ccmp", "locl", "tnum"]

for weight in ["Regular", "Medium", "SemiBold"]:
    cut(TTFont(found(f"web/Inter-{weight}.woff2")[0]), f"Inter-{weight}.ttf", WESTERN, LATIN)

for name in ["Arabic", "Hebrew", "Devanagari", "Thai", "Armenian", "Georgian"]:
    font = TTFont(found(f"NotoSans{name}-Regular.ttf")[0])
    cut(font, f"NotoSans{name}-Regular.ttf", set(font.getBestCmap()), ["*"])

# GB 2312 (6,763 characters), the more frequent half of Big5 for Taiwan and Hong Kong, kana, and the Hangul of KS X 1001.
chinese = charset("gb2312", 0xA1, 0xF7)
traditional = set()
for row in range(0xA4, 0xC7):
    for cell in [*range(0x40, 0x7F), *range(0xA1, 0xFF)]:
        try:
            traditional.update(map(ord, codecs.decode(bytes([row, cell]), "big5")))
        except UnicodeDecodeError:
            pass
hangul = charset("euc_kr", 0xB0, 0xC8)
wide = span((0x3000, 0x303F), (0x3040, 0x30FF), (0xFF01, 0xFF9F), (0xFFE0, 0xFFE6))
for font in TTCollection(found("NotoSansCJK-Regular.ttc")[0]).fonts:
    if font["name"].getDebugName(6) == "NotoSansCJKsc-Regular":
        codes = (chinese | traditional | hangul | wide) - WESTERN
        cut(font, "NotoSansCJKsc-Regular.otf", codes, ["ccmp"])

# The package serves the face in slices; what a slice repeats of another is left out by the merger.
slices = [p for p in found("noto-emoji-*-400-normal.woff2") if "-emoji-400" not in p]
opened = []
for number, path in enumerate(slices):
    font = TTFont(path)
    font.flavor = None
    opened.append(os.path.join(SOURCES, f"emoji-{number}.ttf"))
    font.save(opened[-1])
font = merge.Merger().merge(opened)
digits = span((0x20, 0x7E))
cut(font, "NotoEmoji-Regular.ttf", set(font.getBestCmap()) - digits, ["ccmp"])
