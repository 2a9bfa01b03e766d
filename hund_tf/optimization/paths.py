"""Paths of descents: their iterates and what these took, as one trace."""

from dataclasses import dataclass, field

import numpy as np

from hund_tf.compat import tf
from hund_tf.optimization import parameters
from hund_tf.types import AlignmentTerms, RefinementState


@dataclass
class Path:
  """Iterates of one descent: parameters, and what they took."""

  points: list[np.ndarray] = field(default_factory=list)
  terms: list[AlignmentTerms] = field(default_factory=list)
  seconds: list[float] = field(default_factory=list)
  evaluations: list[int] = field(default_factory=list)

  def add(self, point, terms: AlignmentTerms, seconds, evaluations) -> None:
    """Appends an iterate and the value of its terms."""
    self.points.append(np.array(point, np.float32))
    self.terms.append(terms)
    self.seconds.append(seconds)
    self.evaluations.append(evaluations)

  @property
  def value(self) -> float:
    """The objective at the end; not finite counts as infinite."""
    total = self.terms[-1].total
    return total if np.isfinite(total) else np.inf

  def later(self, seconds: float, evaluations: int) -> "Path":
    """This path, begun after so many seconds and evaluations."""
    return Path(
      self.points,
      self.terms,
      [seconds + s for s in self.seconds],
      [evaluations + n for n in self.evaluations],
    )

  def extended(self, other: "Path") -> "Path":
    """This path continued by `other`, whose first point is our last."""
    rest = other.later(self.seconds[-1], self.evaluations[-1])
    return Path(
      self.points + rest.points[1:],
      self.terms + rest.terms[1:],
      self.seconds + rest.seconds[1:],
      self.evaluations + rest.evaluations[1:],
    )


def as_trace(paths: list[Path]) -> tuple[RefinementState, np.ndarray]:
  """Stacks the paths of all people to one trace, and their evaluations."""
  length = max(len(path.points) for path in paths)
  pad = lambda rows: np.array(
    rows + [rows[-1]] * (length - len(rows)), np.float32
  )
  points = np.stack([pad(path.points) for path in paths])
  terms = np.stack([pad(path.terms) for path in paths])
  trace = RefinementState(
    state=parameters.unpack(tf.constant(points)),
    terms=AlignmentTerms(*tf.unstack(tf.constant(terms), axis=-1)),
    memory=tf.zeros([len(paths), length, 0]),
    seconds=tf.constant(np.stack([pad(path.seconds) for path in paths])),
  )
  return trace, np.stack([pad(path.evaluations) for path in paths]).astype(int)
