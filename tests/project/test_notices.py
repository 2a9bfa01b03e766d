"""Licence notices name what the project ships and installs."""

import re
from pathlib import Path

from hund_tf.photos.listing import list_photos
from hund_tf.photos.loading import load_photo

_ROOT = Path(__file__).parents[2]
_NOTICES = (_ROOT / "THIRD_PARTY_NOTICES.md").read_text(encoding="utf-8")


def _plain(name: str) -> str:
  """Letters and digits only, so that tf-keras and TF Keras are the same."""
  return re.sub(r"[^a-z0-9]", "", name.lower())


def test_every_direct_requirement_is_named():
  names = re.findall(
    r"^([A-Za-z][\w.-]*)", (_ROOT / "requirements.in").read_text(), re.MULTILINE
  )
  assert len(names) > 10
  known = _plain(_NOTICES)
  assert [n for n in names if _plain(n) not in known] == []


def test_every_demo_photo_is_small_usable_and_named():
  folder = _ROOT / "hund_tf" / "api" / "assets"
  found = list_photos([folder])
  assert found.paths and not found.errors
  notice = (folder / "NOTICE.md").read_text(encoding="utf-8")
  for path in found.paths:
    assert path.stat().st_size <= 200 * 1024
    assert min(load_photo(path).shape[:2]) >= 256
    assert f"`{path.name}`" in notice and f"`{path.name}`" in _NOTICES


def test_licence_is_the_whole_apache_licence():
  text = (_ROOT / "LICENSE").read_text(encoding="utf-8")
  assert "Apache License" in text and "END OF TERMS AND CONDITIONS" in text
