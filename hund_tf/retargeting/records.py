"""Ground truth of records in our body: fits to joints, meshes and markers.

A source gives, for a list of records, the points our body is fitted to; see
`hund_tf.retargeting.fit`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from hund_tf import npz_arrays
from hund_tf.body import joint_sets
from hund_tf.body.adapters.smpl import SmplParameters
from hund_tf.body.adapters.smpl_models import SmplModels
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.records.schema import MESH, PersonRecord
from hund_tf.retargeting import correspondence, point_sets
from hund_tf.retargeting import fit as fitting
from hund_tf.types import HumanState, state_to_vector


class MeasurementError(ValueError):
  """A file of measurements that cannot be used."""


class Fit(NamedTuple):
  """What some records are fitted to."""

  rows: list[int]  # which of the records
  fitter: fitting.Retargeting
  target: fitting.RetargetingTarget
  initial: HumanState | None


class FitSource(Protocol):
  """Where the points come from that records are fitted to.

  Attributes:
    num_measurements: of how many people it has some by their keys; None if
      the records themselves hold them.
  """

  num_measurements: int | None

  def measured(self, record: PersonRecord) -> bool:
    """Whether there is something to fit this record to."""
    ...

  def fits(self, records: Sequence[PersonRecord]) -> Iterable[Fit]:
    """The fits of those records that have measurements."""
    ...


class JointSource:
  """The joints that the records hold; a `FitSource`."""

  num_measurements = None

  def __init__(self, body_model: BodyModel, config: fitting.RetargetingConfig):
    self._body, self._config = body_model, config
    self._fitters: dict[str, tuple[fitting.Retargeting, np.ndarray]] = {}

  def measured(self, record: PersonRecord) -> bool:
    known = record.joint_set in point_sets.JOINT_TERMS  # hands are no body
    return known and bool(record.joint_weights.any())

  def fits(self, records: Sequence[PersonRecord]) -> Iterable[Fit]:
    sets = {record.joint_set for record in records}
    for name in sorted(sets & point_sets.JOINT_TERMS.keys()):
      rows = [i for i, r in enumerate(records) if r.joint_set == name]
      if name not in self._fitters:
        points, reliability = point_sets.joints(
          self._body.asset,
          joint_sets.NAMES[name],
          point_sets.JOINT_TERMS[name],
        )
        fitter = fitting.Retargeting(self._body, points, self._config)
        self._fitters[name] = fitter, reliability
      fitter, reliability = self._fitters[name]
      target = fitting.RetargetingTarget(
        np.stack([records[i].joints for i in rows]),
        np.stack([records[i].joint_weights for i in rows]) * reliability,
      )
      yield Fit(rows, fitter, target, None)


class _KeyedSource:
  """Measurements by the keys of records."""

  def __init__(self, keys: np.ndarray):
    self._rows = {key: row for row, key in enumerate(keys.tolist())}
    self.num_measurements = len(self._rows)

  def measured(self, record: PersonRecord) -> bool:
    return record.key in self._rows

  def _chosen(
    self, records: Sequence[PersonRecord]
  ) -> tuple[list[int], np.ndarray]:
    """Those of the records that are measured, and their measurements."""
    rows = [i for i, record in enumerate(records) if self.measured(record)]
    return rows, np.array([self._rows[records[i].key] for i in rows], int)


class MeshSource(_KeyedSource):
  """SMPL(-X) meshes through a correspondence; a `FitSource`."""

  def __init__(
    self,
    body_model: BodyModel,
    config: fitting.RetargetingConfig,
    models: SmplModels,
    table: correspondence.Correspondence,
    measurements: dict[str, np.ndarray],
  ):
    """Takes parameters as `read_measurements` gives them.

    Raises:
      ValueError: if the table is of another model, or genders are needed and
        unknown.
    """
    self._body, self._models, self._table = body_model, models, table
    self._measurements = measurements
    super().__init__(measurements["keys"])
    self._female = measurements["genders"] == "f"
    if models.male is models.female:
      self._female = np.zeros_like(self._female)
    elif unknown := set(measurements["genders"].tolist()) - {"m", "f"}:
      raise MeasurementError(
        f"genders: {sorted(unknown)} in the measurements, expected m or f, as "
        "there is one SMPL file for men and one for women; or give one file"
      )
    # Fails now rather than in the middle of a dataset.
    for model in models:
      table.points(model.file.template[None])
    self._fitter = correspondence.mesh_retargeting(
      body_model, table.mesh, config
    )

  def fits(self, records: Sequence[PersonRecord]) -> Iterable[Fit]:
    rows, chosen = self._chosen(records)
    if not rows:
      return
    vertices, pelvis = self._posed(chosen)
    points = self._table.points(vertices)
    unknown = np.zeros([len(rows), len(self._fitter.point_set.anchors)])
    unknown = unknown[:, points.shape[1] :]
    weights = np.tile(self._table.weights, [len(rows), 1])
    target = fitting.RetargetingTarget(
      np.concatenate([points, np.zeros([*unknown.shape, 3])], axis=1),
      np.concatenate([weights, unknown], axis=1),
    )
    initial = correspondence.state_from_parameters(
      self._body,
      self._models.male,  # the joints of all its kind turn alike
      tf.constant(self._measurements["pose"][chosen]),
      tf.constant(pelvis),
    )
    yield Fit(rows, self._fitter, target, initial)

  def _posed(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices `[N, V, 3]` and pelvises `[N, 3]` of N measurements."""
    count = self._table.source_vertices
    vertices = np.zeros([len(chosen), count, 3], np.float32)
    pelvis = np.zeros([len(chosen), 3], np.float32)
    female = self._female[chosen]
    for model, mask in zip(self._models, (~female, female), strict=True):
      if not mask.any():
        continue
      take = lambda name, rows=chosen[mask]: tf.constant(
        self._measurements[name][rows]
      )
      posed = model.pose_parameters(
        SmplParameters(
          take("pose"), take("betas"), take("translation"), take("expression")
        )
      )
      vertices[mask] = posed.vertices.numpy()
      pelvis[mask] = posed.joints[:, 0].numpy()
    return vertices, pelvis


class MarkerSource(_KeyedSource):
  """Markers on the skin; a `FitSource`."""

  def __init__(
    self,
    body_model: BodyModel,
    config: fitting.RetargetingConfig,
    placed: dict[str, tuple[int, float]],
    measurements: dict[str, np.ndarray],
  ):
    """Takes positions as `read_measurements` gives them.

    Raises:
      MeasurementError: if fewer than three markers are both measured and
        placed.
    """
    names = measurements["names"].tolist()
    common = [name for name in placed if name in names]
    if len(common) < 3:
      raise MeasurementError(
        f"markers: {len(common)} of the measured markers are in the marker "
        f"file, expected 3 or more; measured are {', '.join(names)}"
      )
    columns = [names.index(name) for name in common]
    self._positions = measurements["positions"][:, columns]
    super().__init__(measurements["keys"])
    points = point_sets.markers(
      body_model.asset, {name: placed[name] for name in common}
    )
    self._fitter = fitting.Retargeting(body_model, points, config)

  def fits(self, records: Sequence[PersonRecord]) -> Iterable[Fit]:
    rows, chosen = self._chosen(records)
    if rows:
      points = self._positions[chosen]
      weights = np.isfinite(points).all(axis=-1).astype(np.float32)
      target = fitting.RetargetingTarget(points, weights)
      yield Fit(rows, self._fitter, target, None)


_SMPL_ARRAYS = {"pose": 2, "betas": 2, "translation": 2, "expression": 2}
_MARKER_ARRAYS = {"positions": 3}
_TEXTS = ("keys", "genders", "names")


def read_measurements(path: str | Path, kind: str) -> dict[str, np.ndarray]:
  """Reads what is measured of records, by their keys.

  An `.npz` with `keys` `[N]`, and in the camera frame of the records, metres:
  for 'smpl' `pose` `[N, 3 J]` radians, `betas` `[N, S]`, `translation`
  `[N, 3]` and, if any, `expression` `[N, E]` and `genders` `[N]` (m, f; empty
  where unknown); for 'markers' `names` `[M]` and `positions` `[N, M, 3]`, NaN
  where unknown.

  Args:
    path: of the file.
    kind: 'smpl' or 'markers'.

  Raises:
    MeasurementError: if the file cannot be read or is not like that.
  """
  try:
    wanted = _SMPL_ARRAYS if kind == "smpl" else _MARKER_ARRAYS
    arrays = npz_arrays.read(
      path,
      npz_arrays.NUMBERS,
      names=[*wanted, *_TEXTS],
      lists=_TEXTS,
      only_finite=False,
    )
    keys = arrays["keys"]
    if kind == "smpl":
      arrays.setdefault("expression", np.zeros([len(keys), 0]))
      arrays.setdefault("genders", np.full([len(keys)], ""))
      if arrays["genders"].shape != (len(keys),):
        raise ValueError(f"genders has shape {arrays['genders'].shape}")
    for name, rank in wanted.items():
      array = arrays[name] = arrays[name].astype(np.float32)
      if array.ndim != rank or len(array) != len(keys):
        raise ValueError(f"{name} has shape {array.shape}")
      if kind == "smpl" and not np.isfinite(array).all():
        raise ValueError(f"{name} has values that are not finite")
    if kind == "markers" and (
      arrays["positions"].shape[1:] != (len(arrays["names"]), 3)
    ):
      raise ValueError(f"positions has shape {arrays['positions'].shape}")
  except (OSError, ValueError, KeyError) as error:
    raise MeasurementError(
      f"measurements {path}: cannot be used ({error}); expected an .npz as "
      "docs/retargeting.md describes it"
    ) from error
  return arrays


def fit_records(
  records: Sequence[PersonRecord],
  source: FitSource,
  body_model: BodyModel,
  max_residual_mm: float,
) -> list[PersonRecord]:
  """Fills the state of records, and what follows from it.

  Args:
    records: in any order; those without measurements stay as they are, and
      so do those whose residual is not finite, as of fewer than three points.
    source: of what they are fitted to.
    body_model: ours.
    max_residual_mm: a fit that is farther away gets the weight 0.

  Returns:
    The records in their order, with `state`, `state_weight`, `residual_mm`,
    `body_joints` and `vertices`.
  """
  filled = list(records)
  for fit in source.fits(records):
    result = fit.fitter(fit.target, fit.initial)
    state = HumanState(*(tf.constant(field) for field in result.state))
    body = body_model.decode(state, MESH)
    vectors = state_to_vector(state).numpy()
    for k, row in enumerate(fit.rows):
      residual = float(result.residual_mm[k])
      if not np.isfinite(residual):
        continue
      filled[row] = records[row]._replace(
        state=vectors[k],
        state_weight=float(residual <= max_residual_mm),
        residual_mm=residual,
        body_joints=body.joints[k].numpy(),
        vertices=body.vertices[k].numpy(),
      )
  return filled
