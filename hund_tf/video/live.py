"""People followed frame by frame, without what comes later."""

import dataclasses

import numpy as np

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.types import SHAPE_DIM, Intrinsics, state_from_vector
from hund_tf.video import looks, pictures, writing
from hund_tf.video.assignment import EXPRESSION, SHAPE, Numbers
from hund_tf.video.reading import Frame
from hund_tf.video.shapes import ShapeHolder, weights_of
from hund_tf.video.sightings import People, stacked
from hund_tf.video.steadying import LiveMotion
from hund_tf.video.tracks import Track, as_tall, posed
from hund_tf.video.watching import SAME_SCENE, Known, Watcher

# Seconds between frames after which people are not where they were.
_FAR_S = 0.5


@dataclasses.dataclass
class _Body:
  """What is known of somebody: the mean shape so far, and the motion."""

  motion: LiveMotion
  shapes: np.ndarray  # [16] sum of shapes times weights
  weight: float = 0.0

  def shape(self, seen: np.ndarray, weight: float) -> np.ndarray:
    """The mean `[16]` with another shape in it."""
    self.shapes = self.shapes + weight * seen
    self.weight += weight
    return self.shapes / self.weight


class LiveView:
  """Gives everybody in each frame a number, a body and a smooth motion."""

  def __init__(
    self,
    watcher: Watcher,
    holder: ShapeHolder,
    body_model: BodyModel,
    intrinsics: Intrinsics,
    search_every: int,
    moving_camera: bool = False,
    height_m: float | None = None,
  ):
    """Keeps the parts.

    Args:
      watcher: sees people in a frame.
      holder: fits poses to known shapes.
      body_model: of the states.
      intrinsics: of the frames, fields `[2]`, pixels.
      search_every: frames from one that is searched for people to the next.
      moving_camera: whether places and orientations are left as they are.
      height_m: stature of everybody, metres; None: not known.
    """
    self._watcher, self._holder = watcher, holder
    self._body_model, self._intrinsics = body_model, intrinsics
    self._every, self._moving = search_every, moving_camera
    self._height, self._numbers = height_m, Numbers()
    self._known: list[Known] = []
    self._bodies: dict[int, _Body] = {}
    self._since = 0  # frames since one was searched
    self._colors: np.ndarray | None = None
    self._seconds = 0.0

  def __call__(self, frame: Frame) -> list[Track]:
    """Who is in the next frame: tracks of that one frame."""
    colors = looks.frame_colors(frame.image)
    searched = (
      not self._known
      or self._since >= self._every
      or frame.seconds - self._seconds > _FAR_S
      or self._colors is None
      or looks.correlation(self._colors, colors) < SAME_SCENE
    )
    self._colors, self._seconds = colors, frame.seconds
    self._since = 1 if searched else self._since + 1
    (seen,), self._known = self._watcher.look([frame], self._known, searched)
    people = stacked(seen)
    ids, _ = self._numbers(frame.seconds, colors, people)
    if not seen:
      return []
    shapes = self._shapes(ids, people)
    states = self._holder(people, shapes, self._intrinsics)
    rotations = self._body_model.rotations(
      state_from_vector(tf.constant(states, tf.float32))
    ).numpy()
    return [
      self._track(one, frame, seen[i], states[i], shapes[i], rotations[i])
      for i, one in enumerate(ids)
    ]

  def _shapes(self, ids, people: People) -> np.ndarray:
    """The mean shapes so far `[N, 16]`."""
    rows = zip(ids, people.polished[:, SHAPE], weights_of(people), strict=True)
    found = []
    for one, shape, weight in rows:
      if one not in self._bodies:
        motion = LiveMotion(self._moving)
        self._bodies[one] = _Body(motion, np.zeros(SHAPE_DIM))
      mean = self._bodies[one].shape(shape, float(weight))
      found.append(as_tall(mean, self._height, self._body_model))
    return np.array(found, np.float32)

  def _track(
    self,
    one: int,
    frame: Frame,
    seen: People,
    state: np.ndarray,
    shape: np.ndarray,
    rotations: np.ndarray,
  ) -> Track:
    rotations, translation, expression = self._bodies[one].motion(
      rotations, state[-3:], state[EXPRESSION], frame.seconds
    )
    return Track(
      id=one,
      frames=np.array([frame.number]),
      seconds=np.array([frame.seconds]),
      observed=np.ones(1, bool),
      pieces=np.zeros(1, int),
      boxes=seen.box[None],
      quality=seen.quality[None],
      uncertainty=seen.uncertainty[None],
      shape=shape[None],
      expression=expression[None],
      rotations=rotations[None],
      translation=translation[None],
      contacts=np.zeros((1, 2), bool),
    )


def shown(
  frame: Frame,
  tracks: list[Track],
  body_model: BodyModel,
  intrinsics: Intrinsics,
) -> tuple[np.ndarray, str]:
  """The overlay `[H, W, 3]` uint8 RGB of a frame, and its line of JSON."""
  faces = body_model.faces(pictures.MESH)
  figures, people = [], []
  for track in tracks:
    body = posed(body_model, track, slice(None), pictures.MESH)
    figures.append(pictures.Figure(track.id, body.vertices[0], faces))
    people.append(writing.person_numbers(track, 0, body.joints[0]))
  image = pictures.overlay(frame.image, figures, intrinsics)
  return image, writing.line_of(frame.number, frame.seconds, people)
