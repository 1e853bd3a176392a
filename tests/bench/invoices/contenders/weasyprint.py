"""weasyprint.py DOCUMENT FONTS ATTACHMENT COUNT OUT: the invoice as PDF/A-3b with an attachment, COUNT times.

The fonts are read once and kept, which is what a server of WeasyPrint's does."""

import json
import sys
from pathlib import Path

sys.path.pop(0)  # this folder, where `weasyprint` is this file
from weasyprint import CSS, HTML, Attachment  # noqa: E402
from weasyprint.text.fonts import FontConfiguration  # noqa: E402

sys.path.append(str(Path(__file__).parent))
from page import faces, html  # noqa: E402

document, fonts, attachment, count, out = sys.argv[1:]
words = json.loads(Path(document).read_text())
xml = Path(attachment).read_bytes()
font_config = FontConfiguration()
style = CSS(string=faces(fonts), font_config=font_config)
for _ in range(int(count)):
    attached = Attachment(string=xml, name="factur-x.xml", description="Factur-X", relationship="Alternative")
    HTML(string=html(words)).write_pdf(
        out, pdf_variant="pdf/a-3b", attachments=[attached], stylesheets=[style], font_config=font_config
    )
