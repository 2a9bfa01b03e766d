"""The program that sets errors of the front end side by side."""

import io

import numpy as np
from PIL import Image

from hund_tf.body import keypoints as table
from hund_tf.evaluation import front_end_errors
from tests.records import people
from tools import front_end_errors as program

_COUNT = 6


def _records(body_model):
  data = io.BytesIO()
  Image.new("RGB", (people.SIZE, people.SIZE)).save(data, "PNG")
  made = []
  for record in people.make(body_model, _COUNT):
    seen = record.keypoints.copy()
    seen[:, 0] += 0.03 * record.box[2:].max()
    seen[:, 2] = 0.9
    seen[table.FACE, 2] = 0.0
    visible = np.ones(137)
    visible[table.LEFT_HAND] = 0.0
    made.append(
      record._replace(image=data.getvalue(), detected=seen, visibility=visible)
    )
  return made


def test_errors_are_in_person_sizes(body_model):
  found = front_end_errors.of_records(_records(body_model))
  text = front_end_errors.keypoint_table({"made": found})
  body = f"| {_COUNT} | {4 * _COUNT} |" + " 0.030 |" * 4
  assert f"| shoulders, hips, seen | made {body} 0.000 | 0.000 | 0.90" in text
  assert f"| face, seen | made | {_COUNT} | {70 * _COUNT} | - |" in text
  assert "| - | 1.000 | - | - |" in text
  assert f"| hands, hidden | made | {_COUNT} | {21 * _COUNT} |" in text
  assert "shoulders, hips, hidden" not in text


def test_modelled_and_measured_errors_are_printed(
  body_model, call_main, monkeypatch, tmp_path
):
  people.write(tmp_path, "people", _records(body_model))
  monkeypatch.setattr(program, "PeopleDetector", lambda: None)
  code, out, err = call_main(program, seen_records=str(tmp_path))
  assert code == 0, err
  for line in (
    "| elbows, knees, seen | stated | 6 |",
    "| elbows, knees, seen | fitted | 6 |",
    "| elbows, knees, seen | synthetic photos | 6 |",
    "| body | fitted | 6 |",
    "| body | synthetic photos | 6 |",
  ):
    assert line in out
  code, _, err = call_main(program, seen_records=str(tmp_path), fitted_people=9)
  assert code == 1 and "expected less than the 6 people" in err
