"""Pictures of descents over the photo: stages side by side, and animated."""

import itertools
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.export.meshes import PERSON_COLORS
from hund_tf.files import atomic_path
from hund_tf.reconstruction.reconstructor import Person
from hund_tf.rendering import shading
from hund_tf.types import HumanState, Intrinsics
from hund_tf.visualization.stage_row import (
  draw_crop_row,
  labelled,
  padded_rows,
)

_MESH = "lite"
_ALPHA = 0.85
SIDE = 240  # pixels of one picture of the strip
_MAX_STAGES = 8  # states of the strip
_SIDE_VIEWS = (45.0, 90.0, 135.0)  # degrees
_MAX_FRAMES = 40
_MAX_GIF_SIDE = 640  # pixels
_DURATION = 2400  # milliseconds of the descent
_FRAME_DURATION = (80, 400)  # milliseconds, least and most
_LAST_DURATION = 2000  # milliseconds
_CHUNK = 64  # states that are decoded at once


class Descent(NamedTuple):
  """The bodies that a person's descent went through."""

  vertices: np.ndarray  # [M+1, V, 3] metres, camera frame of the photo
  faces: np.ndarray  # [F, 3] vertex indices
  crop_box: np.ndarray  # [4] square crop, photo pixels


def decode_descents(
  people: Sequence[Person], body_model: BodyModel
) -> list[Descent]:
  """Bodies of all states of the people's traces, as the reduced mesh."""
  faces = body_model.faces(_MESH)
  return [
    Descent(
      decode_states(body_model, person.trace.state, _MESH),
      faces,
      person.crop_box,
    )
    for person in people
  ]


def decode_states(
  body_model: BodyModel, states: HumanState, mesh: str
) -> np.ndarray:
  """Vertices `[N, V, 3]` of states `[N, ...]`, some at a time."""
  return np.concatenate(
    [
      body_model.decode(
        tf.nest.map_structure(
          lambda x, start=start: tf.constant(x[start : start + _CHUNK]), states
        ),
        mesh=mesh,
      ).vertices.numpy()
      for start in range(0, len(states.rotation), _CHUNK)
    ]
  )


def shown_states(count: int, limit: int) -> list[int]:
  """Which of `count` states are shown where there is room for `limit`.

  The first and the last always, and the early ones, where a descent moves most,
  more densely than the late ones.

  Returns:
    Indices, rising; all of them if they fit, at most `limit` otherwise.

  Raises:
    ValueError: if there is no state, or room for fewer than two.
  """
  if count < 1 or limit < 2:
    raise ValueError(
      f"states: {count} with room for {limit}, expected at least 1 and 2"
    )
  if count <= limit:
    return list(range(count))
  spaced = (count - 1) * np.linspace(0.0, 1.0, limit) ** 2
  # Early indices that would coincide follow one another instead.
  return np.maximum(np.round(spaced), np.arange(limit)).astype(int).tolist()


def person_color(index: int) -> np.ndarray:
  """The colour `[3]` of a person by number, as in the exported files."""
  return np.array(PERSON_COLORS[index % len(PERSON_COLORS)]) / 255.0


def draw_stages(
  image: np.ndarray,
  descents: Sequence[Descent],
  intrinsics: Intrinsics,
  close_ups: Sequence[Sequence[np.ndarray]] = (),
) -> np.ndarray:
  """A row for each person: crop, s_0 ... s_M over it, s_M from the side.

  Of long descents some states are shown; each bears its index.

  Args:
    image: `[H, W, 3]` uint8 RGB.
    descents: of all people, at least one.
    intrinsics: of the photo, fields `[2]`, pixels.
    close_ups: pictures `[240, 240, 3]` of each person that end their row.

  Returns:
    `[rows * 240, N, 3]` uint8 RGB; shorter rows end in white.

  Raises:
    ValueError: if there is nobody.
  """
  if not descents:
    raise ValueError("descents: none, expected at least one")
  ends = close_ups or [()] * len(descents)
  return padded_rows(
    [
      [*_stage_pictures(image, descent, intrinsics, person_color(i)), *end]
      for i, (descent, end) in enumerate(zip(descents, ends, strict=True))
    ]
  )


def _stage_pictures(image, descent, intrinsics, color) -> list[np.ndarray]:
  states = shown_states(len(descent.vertices), _MAX_STAGES)
  crop, *bodies = draw_crop_row(
    image,
    descent.crop_box,
    SIDE,
    [descent.vertices[i] for i in states],
    descent.faces,
    color,
    intrinsics,
  )
  last = shading.Mesh(descent.vertices[-1], descent.faces, color)
  return [
    crop,
    *(
      labelled(body, f"s{index}")
      for body, index in zip(bodies, states, strict=True)
    ),
    *(
      shading.render_orbit([last], degrees, SIDE, SIDE)
      for degrees in _SIDE_VIEWS
    ),
  ]


def draw_descent_frames(
  image: np.ndarray, descents: Sequence[Descent], intrinsics: Intrinsics
) -> list[np.ndarray]:
  """Everybody's descent over the photo, a frame for each state shown.

  People whose descent is over stay where they are.

  Args:
    image: `[H, W, 3]` uint8 RGB.
    descents: of all people, at least one.
    intrinsics: of the photo, fields `[2]`, pixels.

  Returns:
    At most 40 frames `[h, w, 3]` uint8 RGB, of at most 640 pixels.

  Raises:
    ValueError: if there is nobody.
  """
  if not descents:
    raise ValueError("descents: none, expected at least one")
  scale = min(1.0, _MAX_GIF_SIDE / max(image.shape[:2]))
  width, height = (max(1, round(n * scale)) for n in image.shape[1::-1])
  small = np.asarray(
    Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS)
  )
  factor = np.array([width / image.shape[1], height / image.shape[0]], "f4")
  small_camera = Intrinsics(*(np.asarray(x, "f4") * factor for x in intrinsics))
  lengths = [len(descent.vertices) for descent in descents]
  return [
    shading.render_meshes(
      [
        shading.Mesh(
          descent.vertices[min(state, length - 1)],
          descent.faces,
          person_color(i),
        )
        for i, descent, length in zip(
          itertools.count(), descents, lengths, strict=False
        )
      ],
      small_camera,
      height,
      width,
      background=small,
      alpha=_ALPHA,
      supersampling=1,
    )
    for state in shown_states(max(lengths), _MAX_FRAMES)
  ]


def write_animation(
  path: str | os.PathLike, frames: Sequence[np.ndarray]
) -> None:
  """Writes frames atomically as an endless GIF that rests on the last.

  All frames share one palette, so that what does not move does not flicker.

  Args:
    path: of the file.
    frames: `[H, W, 3]` uint8 RGB, of one size, at least one.

  Raises:
    ValueError: if there is no frame or they differ in size.
    OutputError: if the file cannot be written.
  """
  shapes = {frame.shape for frame in frames}
  if len(shapes) != 1:
    raise ValueError(f"{path}: frames of sizes {shapes}, expected one size")
  each = int(np.clip(_DURATION / len(frames), *_FRAME_DURATION))
  both = np.concatenate([frames[0], frames[-1]])
  palette = Image.fromarray(both).quantize(256, kmeans=1)
  pictures = [
    Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
    for frame in frames
  ]
  with atomic_path(path) as temporary:
    pictures[0].save(
      temporary,
      format="GIF",
      save_all=True,
      append_images=pictures[1:],
      duration=[each] * (len(frames) - 1) + [_LAST_DURATION],
      loop=0,
    )
