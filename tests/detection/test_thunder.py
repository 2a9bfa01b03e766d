"""MoveNet Thunder: decoding, the choice of a person, mirrored looks."""

from pathlib import Path

import numpy as np

from hund_tf.body.keypoints import COCO_NAMES
from hund_tf.detection import thunder
from hund_tf.detection.graphs.graph import load_graph
from hund_tf.detection.graphs.module import GraphModule
from hund_tf.detection.roi import Roi
from hund_tf.photos.loading import load_photo
from tests.detection.graphs import record_references as record

_HERE = Path(__file__).parent
_ASSETS = Path(thunder.__file__).parent / "assets"


def _heads(*people):
  """Heads [1, 64, 64, ...] of people (centre row, column, probability).

  Keypoint k of each is at (row + k / 2 + 0.25, column - k / 2 - 0.5) cells.
  """
  heads = {
    "centers": np.full((1, 64, 64, 1), 0.01, np.float32),
    "regression": np.zeros((1, 64, 64, 17, 2), np.float32),
    "offsets": np.zeros((1, 64, 64, 17, 2), np.float32),
    "heatmaps": np.full((1, 64, 64, 17), 0.01, np.float32),
  }
  for row, column, probability in people:
    heads["centers"][0, row, column] = probability
    for k in range(17):
      # The rough place is two cells from the exact one.
      heads["regression"][0, row, column, k] = [k // 2 + 2, -(k // 2)]
      cell = (row + k // 2, column - k // 2)
      heads["heatmaps"][(0, *cell, k)] = 0.9
      heads["offsets"][(0, *cell, k)] = [0.25, -0.5]
  heads["regression"] = heads["regression"].reshape(1, 64, 64, 34)
  heads["offsets"] = heads["offsets"].reshape(1, 64, 64, 34)
  return heads


def _expected(row, column):
  k = np.arange(17) // 2
  return np.stack([column - k - 0.5, row + k + 0.25], axis=-1) / 64


def test_candidates_are_the_peaks_and_the_middle_one_comes_first():
  # The first is likelier but far from the middle of the crop.
  (people,) = thunder.decode_people(_heads((8, 12, 0.9), (34, 30, 0.8)))
  np.testing.assert_allclose(people.centers, [0.8, 0.9], rtol=1e-6)
  for found, place in zip(people.keypoints, [(34, 30), (8, 12)], strict=True):
    np.testing.assert_allclose(found[:, :2], _expected(*place), atol=1e-6)
    np.testing.assert_allclose(found[:, 2], 0.9, rtol=1e-6)
  (one,) = thunder.decode_people(_heads((8, 12, 0.9), (34, 30, 0.8)), limit=1)
  np.testing.assert_array_equal(one.keypoints[0], people.keypoints[0])


def test_faint_and_neighbouring_peaks_are_no_candidates():
  heads = _heads((34, 30, 0.8), (35, 30, 0.7), (10, 10, 0.07))
  (people,) = thunder.decode_people(heads)
  assert len(people.centers) == 1


def test_the_first_candidate_is_what_the_published_graph_returns():
  references = np.load(_HERE / "graphs" / "references.npz")
  expected = references["movenet_thunder/keypoints"].reshape(17, 3)
  graph = load_graph(_ASSETS / "movenet_thunder.npz")
  out = GraphModule(graph)(record.photo_input("movenet_thunder", 256))
  out = {name: value.numpy() for name, value in out.items()}
  (people,) = thunder.decode_people(out)
  np.testing.assert_allclose(
    people.keypoints[0][:, [1, 0, 2]], expected, atol=1e-5
  )


def test_mirror_table_swaps_the_sides():
  for name, other in zip(COCO_NAMES, thunder.MIRROR_17, strict=True):
    swapped = {"l": "r", "r": "l"}.get(name[0], "") + name[1:]
    expected = swapped if name[1] == "_" else name
    assert COCO_NAMES[other] == expected


def _candidates(*places):
  """People of 100 x 100 pixels at some places, equally likely."""
  grid = np.linspace(0, 100, 17)
  pose = np.stack([grid, grid[::-1], np.ones(17)], axis=-1)
  keypoints = np.stack([pose + [x, y, 0] for x, y in places])
  return thunder.Candidates(np.full(len(places), 0.5), keypoints)


def test_the_candidate_that_fills_the_box_is_chosen():
  people = _candidates((0, 0), (150, 10), (300, 0))
  for i, left in enumerate((5, 148, 290)):
    assert thunder.choose_by_box(people, [left, 5, 100, 100]) == i
  assert thunder.choose_by_box(people, [900, 900, 10, 10]) == 0


def test_people_who_are_found_already_are_not_chosen():
  people = _candidates((0, 0), (30, 0), (300, 0))
  box = [5, 5, 100, 100]
  assert thunder.choose_by_box(people, box) == 0
  first = people.keypoints[0]
  assert thunder.choose_by_box(people, box, [first]) == 1


def test_similarity_is_a_mean_of_gaussians():
  poses = _candidates((0, 0), (30, 0), (60, 0)).keypoints
  close = thunder.similarity(poses, poses[0], 100.0)
  np.testing.assert_allclose(close, [1, np.exp(-4.5), np.exp(-18)])
  hidden = poses[2] * [1, 1, 0]
  hidden[:8] = poses[0, :8]
  assert np.argmax(thunder.similarity(poses, hidden, 100.0)) == 0


def test_looks_at_a_photo_agree_and_know_left_from_right():
  image = load_photo(record._PHOTO)
  height, width = image.shape[:2]
  roi = Roi(width / 2, height / 2, float(max(height, width)))
  model = thunder.Thunder()
  smaller = roi._replace(size=0.9 * roi.size, angle=0.1)
  views = [(r, mirrored) for r in (roi, smaller) for mirrored in (False, True)]
  found = model.candidates([image] * len(views), views)
  looks = np.stack([people.keypoints[0] for people in found])
  sure = looks[..., 2].min(axis=0) > 0.4
  names = [name for name, ok in zip(COCO_NAMES, sure, strict=True) if ok]
  assert {"nose", "l_eye", "r_eye", "l_shoulder", "r_shoulder"} <= set(names)
  spread = np.ptp(looks[:, sure, :2], axis=0)
  assert spread.max() < 0.06 * height
  left, right = (COCO_NAMES.index(f"{s}_shoulder") for s in "lr")
  assert np.all(looks[:, left, 0] > looks[:, right, 0])  # facing the camera
  assert model.candidates([], []) == []
