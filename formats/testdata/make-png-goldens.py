"""Writes text.png: a PNG of 3 x 2 pixels in which Pillow wrote texts. Run: python formats/testdata/make-png-goldens.py"""

from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

info = PngInfo()
info.add_text("Title", "caf\u00e9")
info.add_text("easel-action", "sha256:" + "ab" * 32)
info.add_text("easel-action", "a second text of the same keyword")
picture = Image.new("RGB", (3, 2))
picture.putdata([(10 * i, 20 * i, 30 * i) for i in range(6)])
picture.save(Path(__file__).with_name("text.png"), pnginfo=info)
