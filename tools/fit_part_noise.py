"""Fits the errors of hands and faces in close-ups to the front end's.

  python -m tools.make_synthetic --output_dir=PHOTOS --num_images=2000 \\
    --image_shards=16 --image_size=640 --image_close_ups=1 \\
    --companions=0.15 --occluders=0.1
  python -m tools.detect_records --looked_at_records=PHOTOS --output_dir=SEEN
  python -m tools.fit_part_noise --part_records=SEEN \\
    --part_check_records=OTHER_SEEN

Writes the asset of `hund_tf.synthetic.part_noise` and tells, on other people,
how well modelled errors are like the measured ones. To be run again whenever
the networks that read hands and faces change.
"""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from flags import body_flags, program
from flags.from_config import define
from hund_tf.body import keypoints as table
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.detection.detector import PeopleDetector
from hund_tf.draws import Draws
from hund_tf.evaluation import front_end_errors, landmarks_3d
from hund_tf.evaluation.landmarks_3d import Seen
from hund_tf.options import check, option
from hund_tf.records import seen_parts, shards
from hund_tf.records.schema import PersonRecord
from hund_tf.synthetic import landmark_noise, part_noise, part_noise_fit
from hund_tf.synthetic.detector_noise import DetectorNoiseConfig
from hund_tf.synthetic.part_noise import Errors


@dataclasses.dataclass(frozen=True)
class PartFitConfig:
  """What the errors are fitted to."""

  records: str = option(
    "",
    "Folder or manifest of close-ups that tools.detect_records wrote; none: "
    "errors are compared only.",
    name="part_records",
  )
  check_records: str = option(
    "",
    "The same of other people, on which modelled and measured errors are set "
    "side by side.",
    name="part_check_records",
  )
  output: str = option(
    str(part_noise.ASSET),
    "The .npz to write; by default the one of the package.",
    name="part_noise_file",
  )

  def __post_init__(self):
    check(self)
    if not self.records and not self.check_records:
      raise ValueError(
        "--part_records: got none, nor --part_check_records; expected a folder"
      )


_REPEATS = 10  # times that errors of a part are drawn for the table

_to_config = define(PartFitConfig, "Hands and faces in close-ups")


def _records(folder: str) -> list[PersonRecord]:
  return list(shards.read_records(shards.read_manifest(Path(folder))))


def _spatial(records: list[PersonRecord], body_model: BodyModel) -> Seen:
  cases = landmarks_3d.record_cases(records, body_model, use_stored=True)
  return landmarks_3d.observe(cases, PeopleDetector())


def _fit(config: PartFitConfig, body_model: BodyModel) -> Errors:
  records = _records(config.records)
  flat, _ = part_noise_fit.observe(seen_parts.of_records(records))
  seen = _spatial(records, body_model)
  errors = part_noise_fit.fit(flat, (seen.landmarks, seen.truth, seen.hidden))
  part_noise_fit.save(errors, Path(config.output))
  return errors


def _draws() -> Draws:
  return Draws(tf.constant(0), tf.constant(0))


def _modelled_3d(seen: Seen, errors: Errors | None) -> Seen:
  """The same people with errors of close-ups; None: of small parts."""
  truth = tf.constant(seen.truth, tf.float32)
  hidden = tf.constant(seen.hidden, tf.float32)
  if errors is None:
    points, weights = landmark_noise.corrupt_landmarks(
      _draws(), truth, hidden, DetectorNoiseConfig(landmark_3d_absent=0.0)
    )
    found = np.concatenate([points, weights[..., None]], axis=-1)
  else:
    found = np.zeros_like(seen.landmarks)
    for name, rows in seen_parts.PARTS.items():
      group = "face" if name == "face" else "hand"
      sign = np.float32([-1 if name == "left_hand" else 1, 1, 1])
      points, weights = part_noise.corrupt_part_3d(
        _draws(),
        truth[:, rows] * sign,
        hidden[:, rows],
        group,
        1.0,
        errors.spatial[group],
      )
      found[:, rows] = np.concatenate(
        [points * sign, weights[..., None]], axis=-1
      )
  for rows in landmarks_3d.GROUPS.values():
    shown = seen.landmarks[:, rows, 3].max(axis=1) > 0
    found[np.ix_(~shown, rows)] = 0.0
  found[:, table.BODY] = 0.0
  return seen._replace(landmarks=found)


def _side_by_side(
  records: list[PersonRecord], errors: Errors, body_model: BodyModel
) -> str:
  """Tables of the measured errors and of those modelled for the same parts."""
  flat, looked = part_noise_fit.observe(seen_parts.of_records(records))
  modelled = {
    name: part_noise_fit.modelled(
      observed, name, errors.flat[name], repeats=_REPEATS
    )
    for name, observed in flat.items()
  }
  sources = {"fitted": modelled, "synthetic photos": flat}
  seen = _spatial(records, body_model)
  spatial = {
    "of small parts": _modelled_3d(seen, None),
    "fitted": _modelled_3d(seen, errors),
    "synthetic photos": seen,
  }
  return "\n\n".join(
    [
      "Keypoints, sides of the part:",
      front_end_errors.part_table(sources, looked),
      "3D landmarks, millimetres:",
      front_end_errors.landmark_table(spatial),
    ]
  )


def main(argv: Sequence[str]) -> int:
  if len(argv) > 1:
    print(f"unknown arguments {argv[1:]}; see --help", file=sys.stderr)
    return 1
  try:
    config, body_model = _to_config(), body_flags.to_model()
    if config.records:
      errors = _fit(config, body_model)
      print(f"wrote {config.output}")
    else:
      errors = part_noise.load(Path(config.output))
    if config.check_records:
      records = _records(config.check_records)
      print(_side_by_side(records, errors, body_model))
  except (ValueError, OSError) as error:
    print(f"fit_part_noise: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  program.run(main)
