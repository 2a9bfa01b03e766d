"""Part maps and visible keypoints of posed bodies."""

import numpy as np
import pytest

from hund_tf.body import keypoints, parts
from hund_tf.rendering import shading, zbuffer
from hund_tf.synthetic.images import labels, placement
from hund_tf.types import Intrinsics

_SIDE = 256
_CAMERA = np.array([300.0, 300.0, 128.0, 128.0], np.float32)


@pytest.fixture(scope="module")
def standing(body_model):
  """A T-pose that faces the camera, or turns its back: vertices, keypoints."""

  def pose(turned):
    turn = np.diag([-1.0, -1, 1] if turned else [1.0, -1, -1])
    body = body_model.pose(
      np.tile(np.eye(3, dtype=np.float32), (1, 63, 1, 1)),
      np.zeros((1, 16), np.float32),
      np.zeros((1, 20), np.float32),
      turn[None].astype(np.float32),
      np.array([[0.0, 0.0, 2.6]], np.float32),
    )
    return body.vertices[0].numpy(), body.keypoints[0].numpy()

  return pose


def _draw(vertices, faces):
  points = placement.project(vertices, 2 * _CAMERA)
  return zbuffer.draw_faces(points, faces, 2 * _SIDE, 2 * _SIDE)


def _visible(surface, standing, turned, extra=None):
  """Names of the keypoints that are seen."""
  vertices, points = standing(turned)
  faces, own = surface.faces, np.ones(len(surface.faces), bool)
  if extra is not None:
    faces = np.concatenate([faces, [np.arange(3) + len(vertices)]])
    vertices = np.concatenate([vertices, extra]).astype(np.float32)
    own = np.append(own, False)
  seen = labels.visible_keypoints(
    _draw(vertices, faces),
    own,
    placement.project(points, _CAMERA),
    surface.tolerances,
  )
  return {
    name for name, there in zip(keypoints.NAMES, seen, strict=True) if there
  }


def test_parts_agree_with_the_part_pictures(surface, standing):
  vertices, _ = standing(False)
  ours = labels.part_map(
    _draw(vertices, surface.faces), surface.faces, surface.parts
  )
  theirs = shading.render_part_labels(
    vertices,
    surface.faces,
    surface.parts,
    Intrinsics(_CAMERA[:2], _CAMERA[2:]),
    _SIDE,
    _SIDE,
  )
  assert len(np.unique(theirs)) == 15
  for part in range(15):
    one, other = ours == part, theirs == part
    overlap = (one & other).sum() / (one | other).sum()
    assert overlap > 0.8, parts.NAMES[part]
  assert (ours == theirs).mean() > 0.99


def test_most_of_four_samples_decide():
  """Two faces of parts 3 and 5, of which one covers three of four samples."""
  points = np.array(
    [(0, 0, 1), (1, 0, 1), (0, 2, 1), (1, 0, 1), (2, 0, 1), (2, 1, 1)], float
  )
  # The first covers the left column, the second the upper right sample.
  points[:3] = [(0, -9, 1), (1, 0, 1), (0, 9, 1)]
  points[3:] = [(1, -1, 1), (9, -1, 1), (1, 1, 1)]
  faces = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
  seen = zbuffer.draw_faces(points, faces, 2, 2)
  np.testing.assert_array_equal(seen.face, [[0, 1], [0, -1]])
  three = np.array([3, 3, 3, 3, 3, 3])
  assert labels.part_map(seen, faces, three)[0, 0] == 3
  tie = np.array([0, 0, 0, 5, 5, 5])  # 1 of 4: background
  assert labels.part_map(seen, faces, tie)[0, 0] == 0
  half = np.array([5, 5, 5, 0, 0, 0])  # 2 of 4: the person
  assert labels.part_map(seen, faces, half)[0, 0] == 5


def test_a_face_is_seen_from_the_front_only(surface, standing):
  front = _visible(surface, standing, False)
  back = _visible(surface, standing, True)
  face = {"nose", "r_eye", "l_eye", "face_30", "face_51", "face_68", "face_69"}
  assert face <= front
  assert not face & back
  limbs = {
    f"{side}_{name}"
    for side in "lr"
    for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
  }
  assert limbs | {"neck", "mid_hip"} <= front & back
  assert not {"l_heel", "r_heel"} & front
  assert {"l_heel", "r_heel"} <= back


def test_a_screen_hides_what_is_behind_it(surface, standing):
  """It covers the left half of the picture: the subject's right."""
  screen = [[-9.0, 0.0, 1.5], [-0.005, -9.0, 1.5], [-0.005, 9.0, 1.5]]
  seen = _visible(surface, standing, False, screen)
  assert not {"r_knee", "r_hip", "r_shoulder", "r_eye"} & seen
  assert {"l_knee", "l_hip", "l_shoulder", "l_eye"} <= seen


def test_points_outside_the_picture_are_not_seen(surface):
  empty = zbuffer.draw_faces(np.zeros((0, 3)), np.zeros((0, 3), int), 8, 8)
  points = np.array([[1.0, 1.0, 2.0], [-0.5, 1.0, 2.0], [1.0, 4.0, 2.0]])
  seen = labels.visible_keypoints(empty, np.ones(1, bool), points, np.zeros(3))
  np.testing.assert_array_equal(seen, [True, False, False])
