"""The program that fits the errors of 3D landmarks."""

import io

import numpy as np
from PIL import Image

from hund_tf.body.landmarks_3d import viewed_landmarks
from hund_tf.compat import tf
from hund_tf.detection.interface import Detection, empty_keypoints
from hund_tf.geometry import camera
from hund_tf.synthetic import landmark_noise
from hund_tf.types import Intrinsics, state_from_vector
from tests.records import people
from tools import fit_landmark_noise

_PEOPLE = 24


class _Detector:
  """Sees people by their boxes, with errors of 20 mm and a given weight."""

  def __init__(self, body_model, records):
    self._random = np.random.default_rng(0)
    self._seen = {}
    for record in records:
      state = state_from_vector(tf.constant(record.state[None]))
      points = body_model.decode(state, mesh="proxy_1500").keypoints
      left, top, *size = record.box
      side = 1.2 * max(size)
      corner = np.array([left, top]) + np.array(size) / 2 - side / 2
      box = tf.constant([[*corner, side, side]], tf.float32)
      lens = Intrinsics(people.LENS[None, :2], people.LENS[None, 2:])
      lens = camera.crop_intrinsics(lens, box)
      key = tuple(np.float32(record.box).tolist())
      self._seen[key] = viewed_landmarks(points, lens).numpy()[0]

  def detect(self, image, boxes=None, max_people=None):
    points = self._seen[tuple(np.float32(boxes[0]).tolist())]
    points = points + 0.02 * self._random.normal(size=points.shape)
    seen = np.concatenate([points, np.full([137, 1], 0.8)], axis=1)
    box = np.asarray(boxes[0], np.float32)
    return [Detection(box, 1.0, empty_keypoints(), None, np.float32(seen))]


def test_records_give_an_asset_and_tables(
  body_model, call_main, monkeypatch, tmp_path
):
  data = io.BytesIO()
  Image.new("RGB", (people.SIZE, people.SIZE)).save(data, "PNG")
  records = [
    record._replace(image=data.getvalue(), detected=np.zeros([137, 3]))
    for record in people.make(body_model, _PEOPLE)
  ]
  people.write(tmp_path / "records", "people", records)
  detector = _Detector(body_model, records)
  monkeypatch.setattr(fit_landmark_noise, "PeopleDetector", lambda: detector)
  code, out, err = call_main(
    fit_landmark_noise,
    landmark_records=str(tmp_path / "records"),
    landmark_check_records=str(tmp_path / "records"),
    landmark_people=_PEOPLE,
    landmark_noise_file=str(tmp_path / "errors.npz"),
  )
  assert code == 0, err
  for name in ("measured: body", "modelled: body", "modelled: left hand"):
    assert name in out
  body = landmark_noise.load(tmp_path / "errors.npz")["body"]
  # 20 mm a coordinate; turn and scale take a little of it away.
  spread = np.exp(body.spread[0]) / np.sqrt(3.0)
  assert 0.017 < spread < 0.021
  np.testing.assert_allclose(body.scale[0, 0], 0.0, atol=0.01)


def test_records_are_asked_for(call_main, tmp_path):
  code, _, err = call_main(fit_landmark_noise)
  assert code == 1
  assert "--landmark_records: got none, expected a folder" in err
