"""The program that fits the errors of hands and faces in close-ups."""

import io

import numpy as np
from PIL import Image

from hund_tf.synthetic import part_noise
from tests.records import people
from tools import fit_part_noise

_PEOPLE = 24


def test_records_give_an_asset_and_tables(
  body_model, call_main, monkeypatch, tmp_path
):
  """Stored keypoints err by a pixel a coordinate, and nobody is looked at."""
  data = io.BytesIO()
  Image.new("RGB", (people.SIZE, people.SIZE)).save(data, "PNG")
  records = [
    record._replace(image=data.getvalue())
    for record in people.make(body_model, _PEOPLE)
  ]
  people.write(tmp_path / "records", "people", records)
  monkeypatch.setattr(fit_part_noise, "PeopleDetector", lambda: None)
  code, out, err = call_main(
    fit_part_noise,
    part_records=str(tmp_path / "records"),
    part_check_records=str(tmp_path / "records"),
    part_noise_file=str(tmp_path / "errors.npz"),
  )
  assert code == 0, err
  for name in ("hand | 0 to 64 | fitted", "face | 0 to 64 | synthetic photos"):
    assert name in out
  assert "left hand | of small parts" in out
  errors = part_noise.load(tmp_path / "errors.npz")
  # Root mean square of two coordinates, less what the similarity takes.
  sides = [
    np.ptp(record.keypoints[rows, :2], axis=0).max()
    for record in records
    for rows in (part_noise.ROWS["face"],)
  ]
  spread = (
    np.exp(errors.flat["face"].spread[0])
    * (np.median(sides) / part_noise.USUAL_PIXELS)
    ** errors.flat["face"].spread[1]
  )
  assert 0.8 < spread * np.median(sides) / np.sqrt(2.0) < 1.05
  np.testing.assert_allclose(
    errors.flat["face"].confidence[-2:], 0.9, atol=0.01
  )


def test_records_are_asked_for(call_main):
  code, _, err = call_main(fit_part_noise)
  assert code == 1
  assert "--part_records: got none" in err
