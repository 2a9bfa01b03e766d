"""Random people in front of random cameras, as photos show them.

Each person has shape, expression, body pose and hands, stands (or not) before
a camera of a plausible focal length, and fills a plausible part of the photo,
sometimes cut by its border. Photo sides are in units of pixels, but only their
ratios matter: crops have a fixed size.
"""

import dataclasses
import math
from typing import NamedTuple

from hund_tf.body import keypoints as keypoint_table
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.geometry import camera, rotation
from hund_tf.motion.pose_library import PoseLibrary
from hund_tf.options import option
from hund_tf.synthetic import close_ups
from hund_tf.synthetic.close_ups import CloseUps
from hund_tf.synthetic.orientations import about, stand_up
from hund_tf.synthetic.pose_sets import People
from hund_tf.types import (
  BODY_POSE_DIM,
  EXPRESSION_DIM,
  HAND_POSE_DIM,
  SHAPE_DIM,
  BodyOutput,
  HumanState,
  Intrinsics,
)

_LONG_SIDE = 640.0  # pixels of the photo's larger side
_MIN_DISTANCE = 0.35  # metres from the camera to the nearest keypoint
_ANCHORS = ("neck", "mid_hip")  # what close-ups are centred on


@dataclasses.dataclass(frozen=True)
class SceneConfig:
  """What people do and how they are photographed; shares are in [0, 1]."""

  latent_clip: float = 2.5  # standard deviations of shape and expression
  # Shares of the body poses; what is left over are captured poses as they are.
  flow_poses: float = option(
    0.2,
    "Share of body poses that are sampled from the pose prior's flow.",
    low=0.0,
    high=1.0,
  )
  perturbed_poses: float = 0.3
  interpolated_poses: float = 0.2
  flow_temperature: float = 0.9  # of sampled body poses
  perturbation: float = 0.35  # standard deviations, at most
  # Orientation.
  any_yaw: float = 0.5  # share of uniform yaws; the others look at the camera
  frontal_degrees: float = 45.0  # spread of those
  any_orientation: float = option(
    0.06,
    "Share of people, not of a named set, who are turned in any way: lying, "
    "upside down.",
    low=0.0,
    high=1.0,
  )
  pitch_degrees: float = 12.0  # camera looking down or up, standard deviation
  steep_views: float = option(
    0.0,
    "Share of people seen from any height, from below to far above; the "
    "others are seen from about their own.",
    low=0.0,
    high=1.0,
  )
  steep_degrees: tuple[float, float] = (-25.0, 65.0)  # camera looking down
  roll_degrees: float = 4.0
  lean_degrees: float = 6.0  # of the body, beyond the captured lean
  # Photo.
  default_focal: float = 0.6  # share of photos with f = max(H, W)
  focal_range: tuple[float, float] = (0.7, 1.8)  # of max(H, W)
  aspect_range: tuple[float, float] = (9 / 16, 16 / 9)  # width / height
  size_range: tuple[float, float] = (0.15, 1.0)  # of the photo, whole people
  close_ups: float = 0.25  # share of people larger than the photo
  close_up_range: tuple[float, float] = (1.0, 2.6)
  cut: float = 0.15  # share of whole people who stand across the border
  min_body_keypoints: int = 6  # inside the photo, else the person is moved in


class Scene(NamedTuple):
  """People and photos."""

  state: HumanState  # translation and rotation in the camera frame
  body: BodyOutput
  intrinsics: Intrinsics  # of the photos, fields [B, 2], pixels
  photo_size: tf.Tensor  # [B, 2] width and height, pixels
  keypoints: tf.Tensor  # [B, 137, 2] true projections, photo pixels
  inside: tf.Tensor  # [B, 137] float, 1 for keypoints inside the photo


def sample_scene(
  draws: Draws,
  body_model: BodyModel,
  poses: PoseLibrary,
  batch_size: int,
  config: SceneConfig,
  mesh: str,
  people: People | None = None,
  close: CloseUps | None = None,
) -> Scene:
  """Draws `batch_size` people, each in his own photo.

  Args:
    draws: random stream.
    body_model: poses the people.
    poses: captured poses; if it is empty all poses come from the flow.
    batch_size: B.
    config: distributions.
    mesh: of the vertices.
    people: B of named sets, for those who are `chosen`; the others stay as
      they are without.
    close: B people of close-ups, likewise.
  """
  body_pose, up = _body_poses(draws, poses, batch_size, config)
  orientation = _orientations(draws, up, batch_size, config)
  hands = [_hand(draws, batch_size, config) for _ in range(2)]
  clip = config.latent_clip
  shape = draws.normal([batch_size, SHAPE_DIM], clip)
  expression = draws.normal([batch_size, EXPRESSION_DIM], clip)
  if people is not None:
    one, chosen = people.chosen[:, None], people.chosen[:, None, None]
    body_pose = tf.where(one, people.body_pose, body_pose)
    orientation = tf.where(chosen, people.rotation, orientation)
    shape = tf.where(people.built[:, None], people.shape, shape)
  if close is not None:
    one, chosen = close.chosen[:, None], close.chosen[:, None, None]
    body_pose = tf.where(one, close.body_pose, body_pose)
    orientation = tf.where(chosen, close.rotation, orientation)
    hands = [
      tf.where(one, vivid, usual)
      for vivid, usual in zip(
        (close.left_hand, close.right_hand), hands, strict=True
      )
    ]
    expression = tf.where(one, close.expression, expression)
  state = HumanState(
    body_pose=body_pose,
    left_hand=hands[0],
    right_hand=hands[1],
    shape=shape,
    expression=expression,
    rotation=rotation.to_6d(orientation),
    translation=tf.zeros([batch_size, 3]),
  )
  body = body_model.decode(state, mesh=mesh)
  intrinsics, size = _cameras(draws, batch_size, config)
  translation = _translations(draws, body.keypoints, intrinsics, size, config)
  if close is not None:
    near = close_ups.place(close, body.keypoints, intrinsics, size)
    translation = tf.where(close.chosen[:, None], near, translation)
  shift = translation[:, None]
  body = body._replace(
    vertices=body.vertices + shift,
    joints=body.joints + shift,
    keypoints=body.keypoints + shift,
  )
  points = camera.project(body.keypoints, intrinsics)
  return Scene(
    state=state._replace(translation=translation),
    body=body,
    intrinsics=intrinsics,
    photo_size=size,
    keypoints=points,
    inside=inside_photo(points, size),
  )


def inside_photo(points: tf.Tensor, photo_size: tf.Tensor) -> tf.Tensor:
  """1 for points `[B, N, 2]` inside photos of `photo_size [B, 2]`, `[B, N]`."""
  inside = (points >= 0.0) & (points < photo_size[:, None])
  return tf.cast(tf.reduce_all(inside, axis=-1), tf.float32)


def _body_poses(
  draws: Draws, poses: PoseLibrary, batch: int, config: SceneConfig
) -> tuple[tf.Tensor, tf.Tensor]:
  """Latents `[B, 69]` and the world's up in the body frame `[B, 3]`."""
  sampled = draws.normal([batch, BODY_POSE_DIM], config.latent_clip)
  sampled *= config.flow_temperature
  upright = tf.tile([[0.0, 1.0, 0.0]], [batch, 1])
  count = len(poses.up)
  if count == 0:
    return sampled, upright
  rows = draws.integers([2, batch], count)
  latents, up = tf.constant(poses.latents), tf.constant(poses.up)
  first, second = tf.gather(latents, rows[0]), tf.gather(latents, rows[1])
  strength = draws.uniform([batch, 1], 0.0, config.perturbation)
  perturbed = first + strength * draws.normal([batch, BODY_POSE_DIM])
  share = draws.uniform([batch, 1], 0.0, 0.5)
  between = first + share * (second - first)
  kind = draws.uniform([batch, 1])
  limits = (
    config.flow_poses,
    config.flow_poses + config.perturbed_poses,
    config.flow_poses + config.perturbed_poses + config.interpolated_poses,
  )
  latent = tf.where(kind < limits[2], between, first)
  latent = tf.where(kind < limits[1], perturbed, latent)
  latent = tf.where(kind < limits[0], sampled, latent)
  return latent, tf.where(kind < limits[0], upright, tf.gather(up, rows[0]))


def _hand(draws: Draws, batch: int, config: SceneConfig) -> tf.Tensor:
  """Latents `[B, 45]`; many hands are relaxed, near the prior's centre."""
  strength = draws.uniform([batch, 1], 0.2, 1.0)
  return strength * draws.normal([batch, HAND_POSE_DIM], config.latent_clip)


def _orientations(
  draws: Draws, up: tf.Tensor, batch: int, config: SceneConfig
) -> tf.Tensor:
  """Body-to-camera rotations `[B, 3, 3]`."""
  radians = math.pi / 180.0
  frontal = config.frontal_degrees * radians * draws.normal([batch])
  anywhere = draws.uniform([batch], -math.pi, math.pi)
  yaw = tf.where(draws.happens([batch], config.any_yaw), anywhere, frontal)
  lean = config.lean_degrees * radians * draws.normal([batch, 3])
  turned = about(1, yaw) @ rotation.from_rotation_vector(lean) @ stand_up(up)
  facing = tf.linalg.diag([1.0, -1.0, -1.0])  # y up, z ahead -> camera frame
  pitch = config.pitch_degrees * radians * draws.normal([batch])
  roll = config.roll_degrees * radians * draws.normal([batch])
  random = rotation.from_6d(draws.normal([batch, 6]))
  lying = draws.happens([batch, 1, 1], config.any_orientation)
  if config.steep_views:
    low, high = (degrees * radians for degrees in config.steep_degrees)
    steep = draws.happens([batch], config.steep_views)
    pitch = tf.where(steep, draws.uniform([batch], low, high), pitch)
  upright = about(2, roll) @ about(0, pitch) @ facing @ turned
  return tf.where(lying, random, upright)


def _cameras(
  draws: Draws, batch: int, config: SceneConfig
) -> tuple[Intrinsics, tf.Tensor]:
  """Intrinsics of photos and their sizes `[B, 2]` (width, height)."""
  aspect = draws.log_uniform([batch, 1], *config.aspect_range)
  sides = tf.concat([aspect, tf.ones_like(aspect)], axis=-1)
  size = _LONG_SIDE * sides / tf.reduce_max(sides, axis=-1, keepdims=True)
  varied = draws.log_uniform([batch, 1], *config.focal_range)
  usual = draws.happens([batch, 1], config.default_focal)
  focal = _LONG_SIDE * tf.where(usual, tf.ones_like(varied), varied)
  return Intrinsics(tf.tile(focal, [1, 2]), size / 2.0), size


def _translations(
  draws: Draws,
  keypoints: tf.Tensor,
  intrinsics: Intrinsics,
  size: tf.Tensor,
  config: SceneConfig,
) -> tf.Tensor:
  """Where the pelvis is, `[B, 3]`.

  Args:
    draws: random stream.
    keypoints: `[B, 137, 3]` relative to the pelvis, in camera orientation.
    intrinsics: of the photos.
    size: `[B, 2]` of the photos.
    config: distributions.
  """
  batch = keypoints.shape[0]
  low = tf.reduce_min(keypoints, axis=1)
  high = tf.reduce_max(keypoints, axis=1)
  extent, middle = (high - low)[:, :2], (high + low)[:, :2] / 2.0
  close = draws.happens([batch, 1], config.close_ups)
  whole = draws.log_uniform([batch, 1], *config.size_range)
  share = tf.where(
    close, draws.log_uniform([batch, 1], *config.close_up_range), whole
  )
  nearest = _MIN_DISTANCE - low[:, 2:]
  focal = intrinsics.focal[:, :1]

  def depth(share):
    wanted = tf.reduce_max(extent / size, axis=-1, keepdims=True)
    return tf.maximum(focal * wanted / share, nearest)

  def place(depth, point, pixels):
    ray = (pixels - intrinsics.center) / intrinsics.focal
    return tf.concat([ray * depth - point, depth], axis=-1)

  # Whole people stand anywhere in the photo; some cross its border.
  far = depth(whole)
  room = tf.maximum(size - focal * extent / far, 0.0)
  crossing = tf.cast(draws.happens([batch, 1], config.cut), tf.float32)
  room += crossing * focal * extent / far
  where = size / 2.0 + room * draws.uniform([batch, 2], -0.5, 0.5)
  inside = place(far, middle, where)
  # Close-ups show the upper body mostly.
  anchors = [keypoint_table.INDEX[name] for name in _ANCHORS]
  anchor = tf.where(
    draws.happens([batch, 1], 0.75),
    keypoints[:, anchors[0], :2],
    keypoints[:, anchors[1], :2],
  )
  where = size * draws.uniform([batch, 2], 0.25, 0.75)
  translation = tf.where(close, place(depth(share), anchor, where), inside)
  # People of whom too little is seen step to the middle, and back.
  points = camera.project(keypoints + translation[:, None], intrinsics)
  seen = inside_photo(points, size)[:, keypoint_table.BODY]
  lost = tf.reduce_sum(seen, -1, keepdims=True) < config.min_body_keypoints
  safe = place(depth(tf.minimum(whole, 0.9)), middle, size / 2.0)
  return tf.where(lost, safe, translation)
