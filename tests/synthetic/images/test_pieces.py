"""Clothes, skirts, regions, backgrounds and the camera, one by one."""

import types

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hund_tf.body import keypoints, parts
from hund_tf.rendering.surfaces import Material
from hund_tf.synthetic.images import (
  appearance,
  backgrounds,
  camera_effects,
  colors,
  garments,
  placement,
  props,
  skirts,
)
from hund_tf.synthetic.images.camera_effects import CameraConfig
from hund_tf.synthetic.images.garments import SkirtCut


def _random(seed=0):
  return np.random.default_rng(seed)


def test_clothes_leave_head_and_hands_free(surface):
  bare = surface.head | np.isin(
    surface.parts, [parts.INDEX["l_hand"], parts.INDEX["r_hand"]]
  )
  belly = np.linalg.norm(surface.rest - [0.0, 0.25, 0.1], axis=1).argmin()
  thigh = np.linalg.norm(surface.rest - [0.1, -0.16, 0.08], axis=1).argmin()
  for seed in range(20):
    outfit = garments.dress(_random(seed), surface)
    assert outfit.top.field[belly] > 0
    assert outfit.bottom.field[thigh] > 0 or outfit.skirt is not None
    for garment in (outfit.top, outfit.bottom, outfit.shoes, outfit.socks):
      if garment is not None:
        assert (garment.field[bare & ~(surface.sleeve > 0.4)] <= 0).all()
        assert (garment.offset >= 0).all()
        assert (garment.offset[garment.field <= 0] == 0).all()


def test_the_face_is_painted_where_its_keypoints_are(surface, body_model):
  """Lips, brows and irises against the keypoints, and nowhere else."""
  asset = body_model.asset
  points = asset.keypoint_vertex_weights @ asset.template[asset.keypoint_ids]
  points = points + asset.keypoint_joint_weights @ asset.joint_template
  face = points[keypoints.FACE]
  for field, rows, reach in (
    (surface.lips, slice(48, 68), 0.03),
    (surface.brows + 0.005, slice(17, 27), 0.012),
    (surface.iris + 0.006, slice(68, 70), 0.009),
  ):
    painted = surface.rest[field > 0]
    distance = np.linalg.norm(painted[:, None] - face[rows], axis=-1)
    assert len(painted) >= 4
    assert distance.min(axis=1).max() < reach
    # Each side has its share.
    assert abs((painted[:, 0] > 0.002).mean() - 0.5) < 0.2


def test_every_look_has_a_material_for_each_layer(surface):
  for seed in range(10):
    looks = appearance.sample_appearance(_random(seed), surface)
    assert len(looks.materials) == looks.layers.shape[1] + 1
    assert np.isfinite(looks.layers).all()
    assert 0.0 <= looks.offset.min() <= looks.offset.max() < 0.12


def test_a_skirt_moves_with_a_body_that_moves_as_one(surface):
  cut = SkirtCut(-0.35, 0.05, Material((1, 0, 0)))
  rest = surface.rest.astype(np.float64)
  still, labels = skirts.make_skirt(surface, cut, rest, rest)
  turn = Rotation.from_euler("xyz", [20, 40, 170], degrees=True)
  moved, _ = skirts.make_skirt(
    surface, cut, rest, turn.apply(rest) + [0.1, 0.2, 3.0]
  )
  np.testing.assert_allclose(
    moved.vertices, turn.apply(still.vertices) + [0.1, 0.2, 3.0], atol=1e-5
  )
  # It hides the thighs: at each height it is wider than they are.
  hips = rest[~surface.arm & (np.abs(rest[:, 1] + 0.1) < 0.02)]
  ring = still.vertices[np.abs(still.vertices[:, 1] + 0.1) < 0.03]
  assert np.abs(ring[:, 0]).max() > np.abs(hips[:, 0]).max()
  names = {parts.NAMES[label] for label in labels}
  assert names == {"torso", "l_upper_leg", "r_upper_leg"}
  left = still.vertices[labels == parts.INDEX["l_upper_leg"]]
  assert (left[:, 0] > 0).all()
  outwards = still.vertices * [1, 0, 1]
  assert (np.sum(still.normals * outwards, axis=1) > -0.02).mean() > 0.95


def _person(vertices, photo_size):
  return types.SimpleNamespace(
    vertices=np.asarray(vertices, np.float32),
    intrinsics=np.array([640.0, 640.0, 240.0, 320.0], np.float32),
    photo_size=np.array(photo_size, np.float32),
  )


def test_the_region_is_around_what_the_photo_shows():
  """A person 640 pixels wide, of which the photo shows the left 440."""
  person = _person([(-0.2, -0.3, 1.0), (0.8, 0.3, 1.0)], (480, 640))
  region = placement.find_region(person, 100, 1.25)
  # Visible: x from 112 to 480, y from 128 to 512, so the side is 480.
  np.testing.assert_allclose(region.box, [56.0, 80.0, 480.0, 480.0], atol=1e-3)
  zoom = 100 / 480
  np.testing.assert_allclose(region.intrinsics[:2], 640 * zoom)
  np.testing.assert_allclose(region.intrinsics[2:], [184 * zoom, 240 * zoom])
  np.testing.assert_allclose(region.photo[2], (480 - 56) * zoom)
  mask = placement.photo_mask(region, 100)
  assert mask[:, :88].all()
  assert not mask[:, 89:].any()
  points = np.array([[88.0, 5.0], [89.0, 5.0], [5.0, -0.1], [5.0, 100.0]])
  np.testing.assert_array_equal(
    placement.in_photo(points, region), [True, False, False, False]
  )


def test_company_stands_on_the_same_floor():
  person = _person([(-0.3, -1.0, 3.0), (0.3, 0.8, 3.3)], (480, 640))
  for seed in range(20):
    moved = placement.beside(_random(seed), person, person, True)
    assert moved[:, 1].max() == pytest.approx(0.8, abs=1e-5)
    assert moved[:, 2].min() >= 0.4 - 1e-5
    behind = placement.beside(_random(seed), person, person, False)
    assert behind[:, 2].mean() > 3.15


def test_things_have_normals_that_point_outwards():
  for seed in range(12):
    thing = props.sample_prop(_random(seed), np.array([1.0, 2.0, 5.0]), 0.5)
    offset = thing.vertices - thing.vertices.mean(axis=0)
    assert (np.sum(offset * thing.normals, axis=1) > -1e-4).all()
    np.testing.assert_allclose(
      thing.vertices.mean(axis=0), [1, 2, 5], atol=0.05
    )


def test_procedural_backgrounds_differ_and_are_light():
  camera = np.array([100.0, 100.0, 32.0, 32.0])
  pictures = [
    backgrounds.procedural_background(_random(seed), 64, camera, 1.0)
    for seed in range(6)
  ]
  for picture in pictures:
    assert picture.shape == (64, 64, 3)
    assert 0.0 <= picture.min() <= picture.max() <= 1.0
    assert picture.std() > 0.005
  means = np.array([picture.mean() for picture in pictures])
  assert means.std() > 0.01


def test_photos_become_backgrounds(tmp_path):
  path = tmp_path / "wall.png"
  cv2.imwrite(str(path), np.full((50, 80, 3), (0, 128, 255), np.uint8))
  (tmp_path / "notes.jpg").write_text("no image")
  assert backgrounds.find_photos(str(tmp_path / "*.png")) == (str(path),)
  picture = backgrounds.photo_background(_random(), str(path), 32)
  np.testing.assert_allclose(
    picture, np.broadcast_to([1.0, 0.21586, 0.0], (32, 32, 3)), atol=1e-4
  )
  with pytest.raises(ValueError, match="notes.jpg: cannot be read"):
    backgrounds.photo_background(_random(), str(tmp_path / "notes.jpg"), 32)
  with pytest.raises(ValueError, match="no file matches"):
    backgrounds.find_photos(str(tmp_path / "*.gif"))


def test_colours_go_there_and_back():
  levels = np.arange(256)
  np.testing.assert_allclose(
    colors.to_srgb(colors.to_linear(levels)), levels, atol=0.02
  )
  # IEC 61966-2-1: mid grey.
  assert colors.to_linear(np.array([128]))[0] == pytest.approx(
    0.21586, abs=1e-4
  )


def test_a_perfect_camera_keeps_the_order_of_brightness():
  ramp = np.linspace(0.05, 0.9, 48, dtype=np.float32)
  scene = np.broadcast_to(ramp[None, :, None], (48, 48, 3)).copy()
  perfect = CameraConfig(motion_blur=0.0, low_resolution=0.0, noise=0.0)
  row = camera_effects.develop(_random(1), scene, perfect)[24].astype(int)
  assert (np.diff(row[4:-4], axis=0) >= 0).all()
  assert row[-5].min() > row[4].max()


def test_quality_is_drawn_from_its_range():
  image = _random().integers(0, 255, (64, 64, 3)).astype(np.uint8)
  sizes = [
    len(
      camera_effects.encode_jpeg(_random(), image, CameraConfig(jpeg_quality=q))
    )
    for q in ((40, 40), (95, 95))
  ]
  assert sizes[0] < 0.6 * sizes[1]
