"""Records whose pictures can be used, and others."""

import cv2
import numpy as np
import pytest

from hund_tf.records import pictures, schema
from hund_tf.records.schema import PersonRecord


def _encoded(ending: str) -> bytes:
  image = np.random.default_rng(0).integers(0, 255, [32, 32, 3], np.uint8)
  return cv2.imencode(ending, image)[1].tobytes()


def _check(**fields) -> None:
  pictures.check(schema.encode(PersonRecord("a/7", "a")._replace(**fields)))


def test_photos_and_labels_that_can_be_decoded_pass():
  size = np.array([32.0, 32.0], np.float32)
  for ending in (".jpg", ".png"):
    _check(image=_encoded(ending), image_size=size)
  _check(image=_encoded(".jpg"), part_labels=_encoded(".png"), image_size=size)


def test_others_are_named():
  with pytest.raises(ValueError, match="a/7: holds no photo"):
    _check()
  photo = _encoded(".jpg")
  for damaged in (photo[: len(photo) // 2], b"GIF", photo[100:]):
    with pytest.raises(ValueError, match="a/7: its image cannot be decoded"):
      _check(image=damaged)
  with pytest.raises(ValueError, match="a/7: its part_labels cannot be"):
    _check(image=photo, part_labels=_encoded(".png")[:60])
