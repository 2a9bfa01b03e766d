"""Bodies with and without their hands and faces read closely, beside the truth.

On records whose bodies are known and that a detector has looked at, such as the
close-ups of `tools.make_synthetic --image_close_ups` after
`tools.detect_records`. Both bodies are of the same landmarks, and compared
where the part is used.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.body import skeleton
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.detection.interface import Detection
from hund_tf.evaluation import figures, metrics, part_metrics
from hund_tf.evaluation.compared_joints import lsp_joints
from hund_tf.evaluation.figures import Row
from hund_tf.geometry import rotation
from hund_tf.reconstruction.attention import HANDS, PARTS, ROWS
from hund_tf.reconstruction.fusion import global_rotations
from hund_tf.reconstruction.reconstructor import Person
from hund_tf.records import shards
from hund_tf.records.schema import PersonRecord
from hund_tf.types import BodyOutput, HumanState, Intrinsics, state_from_vector

_BATCH = 32
_QUANTILES = (50, 75, 90, 95)  # of angles, per cent

# Detections and intrinsics [N, 2] of photos to people.
Reconstruct = Callable[[Sequence[Detection], Intrinsics], list[Person]]


def read(folder: str) -> list[PersonRecord]:
  """The records of a dataset whose bodies are known.

  Raises:
    ValueError: if there are none, or the dataset cannot be read.
  """
  manifest = shards.read_manifest(Path(folder))
  records = [r for r in shards.read_records(manifest) if r.state_weight > 0.0]
  if not records:
    raise ValueError(f"{folder}: no record with a known body, expected some")
  return records


def people_of(
  records: Sequence[PersonRecord], reconstruct: Reconstruct
) -> list[Person]:
  """A person for each record, by what the detector said of it."""
  people = []
  for first in range(0, len(records), _BATCH):
    some = records[first : first + _BATCH]
    cameras = np.stack([r.intrinsics for r in some])
    people += reconstruct(
      [Detection(r.box, 1.0, r.detected, None, r.landmarks_3d) for r in some],
      Intrinsics(cameras[:, :2], cameras[:, 2:]),
    )
  return people


def errors(
  body_model: BodyModel,
  records: Sequence[PersonRecord],
  people: Sequence[Person],
) -> dict[str, np.ndarray]:
  """Errors of every person `[N]`, by their names.

  Of hands the 21 points after the best similarity (mm), in the picture (sides
  of the true points' box), and the wrist's angle in the camera (degrees); of
  the face the head's angle, the keypoints in the picture (NME) and the root
  mean square of the skin's place by the expression alone (mm); of the body
  PA-MPJPE (mm, 14 joints).
  """
  states = state_from_vector(tf.constant([r.state for r in records]))
  truth = _numpy(body_model.decode(states, "lite"))
  turned = global_rotations(tf.constant(truth.rotations)).numpy()
  rotations = np.stack([p.body.rotations for p in people])
  own = global_rotations(tf.constant(rotations)).numpy()
  points = np.stack([p.body.keypoints for p in people])
  pixels = np.stack([p.keypoints_2d for p in people])
  true_pixels = np.stack([r.keypoints[:, :2] for r in records])

  def angle(joint: str) -> np.ndarray:
    row = skeleton.INDEX[joint]
    apart = rotation.geodesic_angle(own[:, row], turned[:, row])
    return np.degrees(apart.numpy())

  found = {}
  for name in HANDS:
    rows = ROWS[name]
    found[f"{name} points"] = 1e3 * metrics.pa_mpjpe(
      points[:, rows], truth.keypoints[:, rows]
    )
    side = np.ptp(true_pixels[:, rows], axis=1).max(axis=-1)
    apart = np.linalg.norm(pixels[:, rows] - true_pixels[:, rows], axis=-1)
    found[f"{name} picture"] = apart.mean(axis=1) / np.maximum(side, 1.0)
    found[f"{name} angle"] = angle(f"{name[0]}_wrist")
  face = table.FACE
  found["face angle"] = angle("head")
  found["face picture"] = part_metrics.eye_distances(
    pixels[:, face][:, :68], true_pixels[:, face][:, :68]
  ).mean(axis=1)
  found["face points"] = _expression_errors(body_model, states, people)
  joints = np.stack([p.body.joints for p in people])
  found["body"] = 1e3 * metrics.pa_mpjpe(
    lsp_joints(joints), lsp_joints(truth.joints)
  )
  return found


def _expression_errors(
  body_model: BodyModel, states: HumanState, people: Sequence[Person]
) -> np.ndarray:
  basis = body_model.asset.dense_expression_basis()
  basis = basis[:, np.abs(basis).sum(axis=(0, 2)) > 1e-4]
  apart = np.stack([p.state.expression for p in people]) - states.expression
  moved = np.einsum("bk,kvi->bvi", apart, basis)
  return 1e3 * np.sqrt(np.square(moved).sum(axis=-1).mean(axis=-1))


def _numpy(body: BodyOutput) -> BodyOutput:
  return BodyOutput(*(np.asarray(x) for x in body))


def rows_of(
  alone: dict[str, np.ndarray],
  fused: dict[str, np.ndarray],
  used: dict[str, np.ndarray],
) -> list[Row]:
  """The table: of each part the body alone, with it, and the difference.

  Args:
    alone: errors of bodies without parts.
    fused: of the same people with them.
    used: by the names of parts `[N]` bool.
  """
  rows = []
  for name in (*PARTS, "body"):
    chosen = used.get(name, np.any([*used.values()], axis=0))
    for label, values in (
      ("alone", alone),
      ("with parts", fused),
      ("difference", None),
    ):
      row = {}
      for kind in ("points", "picture", "angle"):
        key = "body" if name == "body" else f"{name} {kind}"
        if name == "body" and kind != "points":
          row[kind] = figures.mean(np.zeros([0]))
          continue
        of = fused[key] - alone[key] if values is None else values[key]
        row[kind] = figures.mean(of[chosen])
      for share in _QUANTILES:
        row[f"angle, {share}%"] = figures.Figure(
          float("nan")
          if name == "body" or values is None or not chosen.any()
          else float(np.percentile(values[f"{name} angle"][chosen], share)),
          float("nan"),
        )
      rows.append(Row(f"{name} {label}", {"used": int(chosen.sum())}, row))
  return rows


def run(
  folder: str,
  body_model: BodyModel,
  alone: Reconstruct,
  fused: Reconstruct,
  output: Path,
) -> str:
  """Measures, writes close_ups.csv and .json, and returns the table.

  Args:
    folder: of the records.
    body_model: the body.
    alone: reconstructs without parts.
    fused: with them.
    output: folder of the files.
  """
  records = read(folder)
  with_parts = people_of(records, fused)
  used = {
    name: np.array(
      [any(q.name == name and q.used for q in p.parts) for p in with_parts]
    )
    for name in PARTS
  }
  rows = rows_of(
    errors(body_model, records, people_of(records, alone)),
    errors(body_model, records, with_parts),
    used,
  )
  figures.write(rows, {"people": len(records)}, output, "close_ups")
  return figures.markdown(rows, digits=2)
