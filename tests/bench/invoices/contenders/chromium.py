"""chromium.py DOCUMENT FONTS CHROMIUM COUNT OUT: the invoice printed by a Chromium of its own, COUNT times."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from page import faces, html

document, fonts, chromium, count, out = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    page = Path(folder, "page.html")
    page.write_text(html(json.loads(Path(document).read_text()), faces(fonts)))
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
               f"--user-data-dir={folder}/profile", f"--print-to-pdf={out}", page.as_uri()]
    for _ in range(int(count)):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
