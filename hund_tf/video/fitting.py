"""From people found in frames to body states, cold or from earlier states."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from hund_tf.compat import tf
from hund_tf.detection.features import crop_box
from hund_tf.detection.interface import Detection
from hund_tf.detection.network_features import FeatureMaker, landmarks_only
from hund_tf.geometry import camera
from hund_tf.reconstruction.methods import Method
from hund_tf.reconstruction.parts import Fused, Whole
from hund_tf.types import (
  NUM_JOINTS,
  AlignmentTerms,
  HumanState,
  ImageFeatures,
  Intrinsics,
  RefinementState,
  state_from_vector,
  state_to_vector,
)


class Start(NamedTuple):
  """Where a descent may go on from: (s_M, m_M) of the same person earlier."""

  state: np.ndarray  # [204]
  memory: np.ndarray  # [D]


class Fit(NamedTuple):
  """What is made of one person in one frame."""

  crop_box: np.ndarray  # [4] pixels
  foreground: np.ndarray  # [60, 60] in [0, 1] of the crop
  last: np.ndarray  # [204] s_M
  polished: np.ndarray  # [204]
  state: np.ndarray  # [204] with faces and hands
  memory: np.ndarray  # [D] m_M
  quality: float  # NaN: not known
  uncertainty: np.ndarray  # [63] mm; NaN: not known
  box: np.ndarray  # [4] of the body in the frame, pixels


class Fitter(Protocol):
  """Fits bodies to people of frames."""

  def __call__(
    self,
    images: Sequence[np.ndarray],
    people: Sequence[Detection],
    intrinsics: Intrinsics,
    starts: Sequence[Start | None],
  ) -> list[Fit]:
    """Fits N people.

    Args:
      images: `[H, W, 3]` uint8, the frame of each person.
      people: N.
      intrinsics: of the video, fields `[2]`, pixels.
      starts: of each person; None: from the beginning.
    """
    ...


class MethodFitter:
  """A `Fitter` by a method of reconstruction."""

  def __init__(
    self,
    method: Method,
    warm_stages: int,
    quality: Callable | None = None,
    features: FeatureMaker = landmarks_only,
    parts: Callable[[Whole], list[Fused]] | None = None,
  ):
    """Keeps what fits; see `Reconstructor` for the arguments it shares.

    Args:
      method: turns features of crops into traces.
      warm_stages: of descents that go on from an earlier frame.
      quality: judges the last states.
      features: makes the features of crops.
      parts: reads faces and hands.
    """
    self._method, self._warm_stages = method, warm_stages
    self._quality, self._features, self._parts = quality, features, parts
    self._outline = tf.function(
      self._bounds, autograph=False, reduce_retracing=True
    )

  def __call__(
    self,
    images: Sequence[np.ndarray],
    people: Sequence[Detection],
    intrinsics: Intrinsics,
    starts: Sequence[Start | None],
  ) -> list[Fit]:
    """See `Fitter`."""
    fits: list[Fit | None] = [None] * len(people)
    for warm in (False, True):
      rows = [
        i for i, start in enumerate(starts) if (start is not None) == warm
      ]
      if rows:
        found = self._fitted(
          [images[i] for i in rows],
          [people[i] for i in rows],
          intrinsics,
          [starts[i] for i in rows] if warm else None,
        )
        for i, fit in zip(rows, found, strict=True):
          fits[i] = fit
    return [fit for fit in fits if fit is not None]

  def _fitted(self, images, people, intrinsics, starts) -> list[Fit]:
    """Fits people who all are begun, or all go on."""
    count = len(people)
    boxes = [crop_box(person) for person in people]
    features = self._features(images, people, boxes)
    cameras = Intrinsics(*(np.broadcast_to(x, [count, 2]) for x in intrinsics))
    crops = camera.crop_intrinsics(
      cameras, tf.constant(np.array(boxes, np.float32))
    )
    if starts is None:
      trace = self._method(features, crops)
    else:
      trace = self._method.resume(
        features, crops, _trace_of(starts), self._warm_stages
      )
    expected = self._method.uncertainty
    judged = -1 if expected is None else -2
    polished = _row(trace.state, -1)
    states = np.array(state_to_vector(polished))
    found = [Fused(())] * count
    if self._parts is not None:
      sizes = [image.shape[:2] for image in images]
      whole = Whole(people, sizes, cameras, features, crops, trace)
      found = self._parts(whole)
    fused = states.copy()
    for i, one in enumerate(found):
      if one.state is not None:
        fused[i] = np.concatenate([np.ravel(x) for x in one.state])
    last = state_to_vector(_row(trace.state, judged)).numpy()
    quality = np.full(count, np.nan, np.float32)
    if self._quality is not None:
      terms = AlignmentTerms(*(x[:, judged] for x in trace.terms))
      root = trace.state.rotation[:, judged]
      quality = np.asarray(self._quality(features, terms, root), np.float32)
    errors = np.full((count, NUM_JOINTS), np.nan, np.float32)
    if expected is not None:
      errors = expected(features, crops, polished).numpy()
    bounds = self._outline(tf.constant(states), *_constants(cameras)).numpy()
    foreground = 1.0 - features.part_probs[..., 0].numpy()
    memory = trace.memory[:, -1].numpy()
    return [
      Fit(
        np.asarray(boxes[i], np.float32),
        foreground[i],
        last[i],
        states[i],
        fused[i],
        memory[i],
        float(quality[i]),
        errors[i],
        bounds[i],
      )
      for i in range(count)
    ]

  def _bounds(self, vectors, focal, center):
    """Boxes `[B, 4]` of the bodies of states, pixels."""
    body = self._method.objective.body_model.decode(
      state_from_vector(vectors), "proxy_1500"
    )
    pixels = camera.project(body.vertices, Intrinsics(focal, center))
    low = tf.reduce_min(pixels, axis=1)
    return tf.concat([low, tf.reduce_max(pixels, axis=1) - low], axis=-1)


def _constants(intrinsics: Intrinsics) -> list[tf.Tensor]:
  return [tf.constant(np.array(x), tf.float32) for x in intrinsics]


def _row(states: HumanState, index: int) -> HumanState:
  return HumanState(*(x[:, index] for x in states))


def _trace_of(starts: Sequence[Start]) -> RefinementState:
  """A trace that ends, at whatever number of stages, at the starts."""
  rows = 16  # more than any descent has
  vectors = tf.constant(np.stack([s.state for s in starts]), tf.float32)
  memory = tf.constant(np.stack([s.memory for s in starts]), tf.float32)
  zeros = tf.zeros([len(starts), rows])
  tiled = lambda x: tf.tile(x[:, None], [1, rows, 1])
  return RefinementState(
    state=HumanState(*map(tiled, state_from_vector(vectors))),
    terms=AlignmentTerms(*[zeros] * len(AlignmentTerms._fields)),
    memory=tiled(memory),
    seconds=zeros,
  )


def features_of(
  keypoints: np.ndarray,
  landmarks_3d: np.ndarray,
  mask: np.ndarray,
  crop_boxes: np.ndarray,
) -> ImageFeatures:
  """The features of N crops again, of what was kept of them.

  Args:
    keypoints: `[N, 137, 3]` pixels of the video, confidence.
    landmarks_3d: `[N, 137, 4]`.
    mask: `[N, 60, 60]` uint8, 255 where the person is.
    crop_boxes: `[N, 4]` pixels.
  """
  people = [
    Detection(box, 1.0, points, None, spatial)
    for box, points, spatial in zip(
      crop_boxes, keypoints, landmarks_3d, strict=True
    )
  ]
  features = landmarks_only(None, people, list(crop_boxes))
  probs = np.array(features.part_probs)
  weights = np.array(features.part_weights)
  probs[..., 0] = 1.0 - mask / np.float32(255.0)
  weights[:, [0, -1]] = 1.0
  return features._replace(
    part_probs=tf.constant(probs), part_weights=tf.constant(weights)
  )
