"""A photo's people as one page that opens in a browser, without network.

Photo and 3D stand side by side: people can be switched on and off, a slider
shows the descent s_0 ... s_M beside its losses, joints tell their names, and
the scene and the JSON result can be saved. three.js (`assets/three.min.js`,
made by `tools/vendor_viewer.sh`) draws it. A content security policy in the
page keeps it from asking for anything that it does not hold.
"""

import base64
import json
import os
import re
from pathlib import Path
from typing import Any

from hund_tf.files import atomic_path

_ASSETS = Path(__file__).parent / "assets"


def write_page(
  path: str | os.PathLike, report: dict[str, Any], glb: bytes
) -> None:
  """Writes the page.

  Args:
    path: of the .html file; replaced atomically.
    report: of `report.build_report`, with at least one person.
    glb: of `rigged.rigged_glb`, of the same people and with their photo, as
      `person_0`, ...; its animation shows their states evenly spaced.

  Raises:
    ValueError: if there is nobody, or a value is not finite.
    OutputError: if the file cannot be written.
  """
  if not report["people"]:
    raise ValueError(f"{path}: there is nobody to show; give at least one")
  text = json.dumps(report, separators=(",", ":"), allow_nan=False)
  parts = {
    # A script ends at the first "</script", wherever it stands.
    "report": text.replace("<", "\\u003c"),
    "glb": base64.b64encode(glb).decode(),
    "three": (_ASSETS / "three.min.js").read_text(encoding="utf-8"),
    "page": (_ASSETS / "page.js").read_text(encoding="utf-8"),
  }
  page = (_ASSETS / "page.html").read_text(encoding="utf-8")
  page = re.sub(r"{{(\w+)}}", lambda found: parts[found[1]], page)
  with atomic_path(path) as temporary:
    temporary.write_text(page, encoding="utf-8")
