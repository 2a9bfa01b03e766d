"""Sheets of the face's expressions and of the hand's gestures, by name."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.spatial.transform import Rotation

from hund_tf import types
from hund_tf.body import expressions, gaze, keypoints, skeleton
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.motion import hand_gestures
from hund_tf.rendering import shading

GAZES = {
  "gaze_left": (2.0, 0.0),
  "gaze_right": (-2.0, 0.0),
  "gaze_up": (0.0, 1.5),
}
_SIDE = 220  # pixels of one picture
_DISTANCE = 1.5  # metres from the camera to what is shown
_TEXT = (60, 60, 60)
_SKIN, _BROW = (0.80, 0.69, 0.62), (0.42, 0.31, 0.25)
_WHITE, _IRIS, _PUPIL = (0.97, 0.97, 0.95), (0.30, 0.42, 0.52), (0.05,) * 3
_BROW_WIDTH = 0.003  # metres on either side, and as far as it fades
_PUPIL_RADIUS, _IRIS_RADIUS = 0.004, 0.0065  # metres
_TURN = Rotation.from_euler("y", -20, degrees=True).as_matrix()
# Body to camera: facing it; and the right palm, its fingers upwards.
_FACE_VIEW = _TURN @ np.diag([1, -1, -1])
_PALM_VIEW = _TURN @ [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


class _View(NamedTuple):
  """How close-ups are taken."""

  rotation: np.ndarray  # [3, 3] body to camera
  middle: tuple[int, ...]  # keypoints about which the first picture lies
  metres: float  # that a picture shows
  columns: int


_OUTLINE = tuple(keypoints.FACE.start + i for i in (0, 8, 16, 27))
_FACE = _View(_FACE_VIEW, _OUTLINE, 0.22, 7)
_HAND = _View(_PALM_VIEW, (keypoints.INDEX["r_hand_middle1"],), 0.25, 7)


def expressions_picture(model: BodyModel) -> np.ndarray:
  """Close-ups of the neutral face, the named expressions, and turned eyes.

  Brows and eyes are painted, so that one sees them move.

  Returns:
    `[H, W, 3]` uint8 RGB.
  """
  faces = {"neutral": np.zeros(types.EXPRESSION_DIM, np.float32)}
  faces |= {name: expressions.latent(name) for name in expressions.names()}
  latents = [*faces.values()] + [faces["neutral"]] * len(GAZES)
  looks = [(0.0, 0.0)] * len(faces) + [*GAZES.values()]
  rotations = gaze.with_gaze(
    tf.eye(3, batch_shape=[len(looks), types.NUM_JOINTS]), tf.constant(looks)
  )
  names = [*faces, *GAZES]
  colors = _face_colors(model)
  return _sheet(model, names, rotations, np.stack(latents), colors, _FACE)


def gestures_picture(model: BodyModel) -> np.ndarray:
  """Close-ups of the right palm in every named gesture.

  Returns:
    `[H, W, 3]` uint8 RGB.
  """
  names = [*hand_gestures.GESTURES]
  hands = tf.constant(hand_gestures.latents(model.pose_prior, names))
  still = tf.zeros([len(names), types.BODY_POSE_DIM])
  rotations = model.pose_prior.decode(still, hands, hands).numpy()
  arm = [skeleton.INDEX[name] for name in skeleton.BODY_JOINTS]
  rotations[:, arm] = np.eye(3)
  neutral = np.zeros([len(names), types.EXPRESSION_DIM], np.float32)
  skin = np.array(_SKIN, np.float32)
  return _sheet(model, names, rotations, neutral, skin, _HAND)


def _sheet(
  model: BodyModel,
  names: list[str],
  rotations: tf.Tensor,
  latents: np.ndarray,
  colors: np.ndarray,
  view: _View,
) -> np.ndarray:
  """Close-ups of bodies `[N, 63, 3, 3]` with expressions `[N, 20]`."""
  count = len(names)
  body = model.pose(
    tf.convert_to_tensor(rotations),
    tf.zeros([count, types.SHAPE_DIM]),
    tf.constant(latents),
    tf.constant(np.tile(view.rotation, [count, 1, 1]), tf.float32),
    tf.zeros([count, 3]),
  )
  middle = body.keypoints[0].numpy()[[*view.middle]].mean(axis=0)
  middle -= [0, 0, _DISTANCE]
  focal = np.full([2], _SIDE * _DISTANCE / view.metres, np.float32)
  camera = types.Intrinsics(focal, np.full([2], _SIDE / 2, np.float32))
  pictures = []
  for name, vertices in zip(names, body.vertices.numpy(), strict=True):
    mesh = shading.Mesh(vertices - middle, model.faces(), colors)
    image = Image.fromarray(
      shading.render_meshes([mesh], camera, _SIDE, _SIDE, supersampling=3)
    )
    label = name.replace("_", " ")
    font = ImageFont.load_default(14)
    ImageDraw.Draw(image).text((6, 3), label, fill=_TEXT, font=font)
    pictures.append(np.asarray(image))
  blank = np.full_like(pictures[0], 255)
  pictures += [blank] * (-count % view.columns)
  rows = range(0, len(pictures), view.columns)
  return np.concatenate(
    [np.concatenate(pictures[i : i + view.columns], axis=1) for i in rows]
  )


def _face_colors(model: BodyModel) -> np.ndarray:
  """RGB in [0, 1] of every vertex `[V, 3]`: skin, brows, eyes."""
  asset = model.asset
  points = asset.keypoint_vertex_weights @ asset.template[asset.keypoint_ids]
  points = points[keypoints.FACE]
  colors = np.tile(np.array(_SKIN, np.float32), [asset.num_vertices, 1])
  for brow in (points[17:22], points[22:27]):
    steps = np.linspace(0, 1, 10)[:, None]
    line = [a + steps * (b - a) for a, b in zip(brow, brow[1:], strict=False)]
    apart = _distances(asset.template, np.concatenate(line))
    share = np.clip(2.0 - apart / _BROW_WIDTH, 0.0, 1.0)[:, None]
    colors += share * (np.array(_BROW, np.float32) - colors)
  weights = asset.dense_skin_weights()
  for joint, pupil in (("r_eye", points[68]), ("l_eye", points[69])):
    eye = weights[:, skeleton.INDEX[joint]] > 0.5
    apart = _distances(asset.template, pupil[None])
    colors[eye] = _WHITE
    colors[eye & (apart < _IRIS_RADIUS)] = _IRIS
    colors[eye & (apart < _PUPIL_RADIUS)] = _PUPIL
  return colors


def _distances(vertices: np.ndarray, points: np.ndarray) -> np.ndarray:
  """Distance `[V]` of every vertex to the nearest of the points."""
  return np.linalg.norm(vertices[:, None] - points, axis=-1).min(axis=1)
