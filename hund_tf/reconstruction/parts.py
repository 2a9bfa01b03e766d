"""The parts of people: faces and hands read, judged, and put onto bodies."""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.detection.interface import Detection
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.reconstruction import fusion
from hund_tf.reconstruction.attention import FACE
from hund_tf.reconstruction.methods import Method
from hund_tf.reconstruction.part_config import PartsConfig
from hund_tf.reconstruction.part_dressing import Chosen, Dressing, choose
from hund_tf.reconstruction.part_gates import refused, sight_of
from hund_tf.reconstruction.part_reading import read_parts
from hund_tf.reconstruction.part_results import PartReader, PartResult
from hund_tf.reconstruction.polished_end import parts_read
from hund_tf.types import (
  HumanState,
  ImageFeatures,
  Intrinsics,
  RefinementState,
)

# What a descent that goes on changes; hands and faces are kept.
_OF_BODY = ("body_pose", "shape", "rotation", "translation")


class Whole(NamedTuple):
  """What is known of the people of a batch before their parts are seen."""

  detections: Sequence[Detection]  # B
  photo_sizes: Sequence[tuple[int, int] | None]  # B heights and widths, pixels
  cameras: Intrinsics  # of the photos, fields [B, 2], pixels
  features: ImageFeatures  # of the crops of whole people, [B, ...]
  crop_cameras: Intrinsics  # of these crops, fields [B, 2], crop pixels
  trace: RefinementState  # of the bodies, [B, M+1, ...]


class Fused(NamedTuple):
  """What parts make of one person; arrays are numpy, without a batch axis."""

  parts: tuple[PartResult, ...]
  state: HumanState | None = None  # None: no part is used
  rest: RefinementState | None = None  # rows by which the trace is continued
  gaze: np.ndarray | None = None  # [2] as of `FaceState`; None: no face is used


class PartFusion:
  """Looks at faces and hands closely and puts them onto bodies."""

  def __init__(
    self,
    method: Method,
    readers: Mapping[str, PartReader],
    config: PartsConfig,
  ):
    """Keeps what reads parts.

    Args:
      method: that bodies come from; it goes on once hands are found.
      readers: of every part that `config` names; those of both hands are one
        that reads right hands.
      config: which parts, and when they are used.

    Raises:
      ValueError: if the body is another than the open one.
    """
    body_model = method.objective.body_model
    if not isinstance(body_model, BodyModel):
      raise ValueError(
        "parts: are asked for with a body other than the open one, whose hands "
        "and faces the networks know; expected none"
      )
    self._method = method
    self._readers = {name: readers[name] for name in config.names}
    self._config = config
    self._body = body_model
    self._dressing = Dressing(self._body)
    self._terms = tf.function(
      self._terms_of, autograph=False, reduce_retracing=True
    )

  def __call__(self, whole: Whole) -> list[Fused]:
    """What the parts make of B people, in their order."""
    begin = time.perf_counter()
    found = self.judged(whole)
    results = [
      Fused(tuple(found[name][i] for name in found))
      for i in range(len(whole.detections))
    ]
    chosen = [
      i for i, row in enumerate(results) if any(p.used for p in row.parts)
    ]
    if chosen:
      changed = self._fused(
        _people(whole, chosen), [results[i].parts for i in chosen], begin
      )
      for i, result in zip(chosen, changed, strict=True):
        results[i] = result
    return results

  def judged(self, whole: Whole) -> dict[str, list[PartResult]]:
    """By their names the parts of B people, each with whether it is used."""
    found = read_parts(
      whole.detections,
      whole.photo_sizes,
      whole.cameras,
      self._readers,
      self._config.attention,
    )
    posed = self._dressing.posed(_row(whole.trace.state, -1), whole.cameras)
    turned, seen, joints = (x.numpy() for x in posed)
    judged = {name: [] for name in found}
    for name, parts in found.items():
      for i, part in enumerate(parts):
        if part.state is not None:
          sight = sight_of(
            part, whole.detections[i], turned[i], seen[i], joints[i]
          )
          reason = refused(sight, self._config.fusion.gates)
          part = part._replace(used=not reason, reason=reason)
        judged[name].append(part)
    return judged

  def _fused(
    self,
    whole: Whole,
    parts: Sequence[tuple[PartResult, ...]],
    begin: float,
  ) -> list[Fused]:
    """Of people of whom some part is used."""
    chosen = choose(parts)
    before = _numpy(_row(whole.trace, -1))
    rest = _numpy(self._resumed(whole, chosen))
    steered = before.state._replace(
      **{name: getattr(rest.state, name)[:, -1] for name in _OF_BODY}
    )
    given = before.state, steered, chosen, whole.cameras
    state = self._dressing.put_on(
      *tf.nest.map_structure(tf.convert_to_tensor, given)
    )
    terms = self._terms(
      state,
      target_from_features(whole.features),
      whole.crop_cameras,
      parts_read(whole.features),
    )
    seconds = np.float32(time.perf_counter() - begin)
    state = _numpy(state)
    last = before._replace(
      state=state, terms=_numpy(terms), seconds=before.seconds + seconds
    )
    return [
      Fused(
        parts=row,
        state=_person(state, i),
        rest=_continued(
          _person(rest, i), _person(last, i), float(before.seconds[i])
        ),
        gaze=chosen.states[FACE].gaze[i] if chosen.used[FACE][i] else None,
      )
      for i, row in enumerate(parts)
    ]

  def _resumed(self, whole: Whole, chosen: Chosen) -> RefinementState:
    """The descents of B people gone on with, steered by their parts.

    From where heads are turned as faces are; hands are put on at the end, for
    polished with them bodies are worse.
    """

    def turn(state: HumanState) -> HumanState:
      given = tf.nest.map_structure(tf.convert_to_tensor, (state, chosen))
      return self._dressing.turn_heads(*given)

    return self._method.resume(
      fusion.steered_features(
        whole.features, whole.crop_cameras, chosen.points, chosen.used
      ),
      whole.crop_cameras,
      whole.trace,
      self._config.fusion.resume_stages,
      turn,
    )

  def _terms_of(self, state, target, intrinsics, parts):
    objective = self._method.objective
    body = self._body.decode(state, objective.config.mesh)
    return objective.evaluate(body, state, target, intrinsics, parts)


def _continued(
  between: RefinementState, last: RefinementState, begin: float
) -> RefinementState:
  """The rows of one person's trace after those of the body alone.

  Args:
    between: of the descent that went on; its first row is where from, and its
      last is replaced.
    last: the row with the parts.
    begin: seconds at which the descent went on.
  """
  later = between._replace(seconds=between.seconds + np.float32(begin))
  rows = [_person(later, i) for i in range(1, len(later.seconds) - 1)]
  return tf.nest.map_structure(lambda *x: np.stack(x), *rows, last)


def _row(trace, index: int):
  """One row `[B, ...]` of tensors `[B, M + 1, ...]`."""
  return tf.nest.map_structure(lambda x: x[:, index], trace)


def _person(batch, index: int):
  """One person of tensors `[B, ...]`."""
  return tf.nest.map_structure(lambda x: x[index], batch)


def _people(batch, indices: Sequence[int]):
  """Some people of tensors `[B, ...]`, or of lists of B."""
  if isinstance(batch, Whole):
    lists = {
      name: [getattr(batch, name)[i] for i in indices]
      for name in ("detections", "photo_sizes")
    }
    rest = {
      name: _people(getattr(batch, name), indices)
      for name in Whole._fields
      if name not in lists
    }
    return Whole(**lists, **rest)
  return tf.nest.map_structure(
    lambda x: (
      x[indices] if isinstance(x, np.ndarray) else tf.gather(x, indices)
    ),
    batch,
  )


def _numpy(batch):
  """Arrays of tensors, which may be written to."""
  return tf.nest.map_structure(np.array, batch)
