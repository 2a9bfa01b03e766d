"""Fits the errors of 3D landmarks in synthetic examples to the front end's.

  python -m tools.make_synthetic --output_dir=PHOTOS --num_images=24000 \\
    --image_shards=48 --image_size=256 --companions=0.5 --pose_file=poses.npz
  python -m tools.fit_landmark_noise --landmark_records=PHOTOS \\
    --landmark_check_records=OTHER_PHOTOS

Looks at what the detector says of people in synthetic photos, in their boxes
(as tools.detect_records stored it, or else it is run), and writes the asset of
`hund_tf.synthetic.landmark_noise`. On other people it tells how well the
modelled errors are like the measured ones. To be run again whenever the
networks that read 3D landmarks, or their weights, change.
"""

import dataclasses
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from flags import body_flags, program
from flags.from_config import define
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.detection.detector import PeopleDetector
from hund_tf.draws import Draws
from hund_tf.evaluation import figures, landmarks_3d
from hund_tf.evaluation.landmarks_3d import Seen
from hund_tf.options import check, option
from hund_tf.records import shards
from hund_tf.records.schema import PersonRecord
from hund_tf.synthetic import landmark_noise, landmark_noise_fit
from hund_tf.synthetic.detector_noise import DetectorNoiseConfig
from hund_tf.synthetic.landmark_noise import GroupErrors


@dataclasses.dataclass(frozen=True)
class LandmarkFitConfig:
  """What the errors are fitted to."""

  records: str = option(
    "",
    "Folder or manifest of the person records, with images and known bodies.",
    name="landmark_records",
  )
  check_records: str = option(
    "",
    "Records of other people, on which modelled and measured errors are set "
    "side by side.",
    name="landmark_check_records",
  )
  people: int = option(
    1200,
    "People that are looked at, as many of each shard; of the other records a "
    "quarter of so many.",
    name="landmark_people",
    low=20,
  )
  output: str = option(
    str(landmark_noise.ASSET),
    "The .npz to write; by default the one of the package.",
    name="landmark_noise_file",
  )

  def __post_init__(self):
    check(self)


_to_config = define(LandmarkFitConfig, "3D landmarks")


def _records(folder: str, people: int) -> Iterator[PersonRecord]:
  paths = shards.read_manifest(Path(folder)).paths()
  each = -(-people // len(paths))
  for path in paths:
    yield from itertools.islice(shards.ShardReader(path), each)


def _observe(
  folder: str, people: int, detector: PeopleDetector, body_model: BodyModel
) -> Seen:
  cases = landmarks_3d.record_cases(
    _records(folder, people), body_model, use_stored=True
  )
  bar = tqdm(cases, unit="person", total=people, file=sys.stderr)
  return landmarks_3d.observe(bar, detector)


def _side_by_side(seen: Seen, errors: dict[str, GroupErrors]) -> str:
  """Tables of the measured errors and of those modelled for the same people."""
  points, weights = landmark_noise.corrupt_landmarks(
    Draws(tf.constant(0), tf.constant(0)),
    tf.constant(seen.truth, tf.float32),
    tf.constant(seen.hidden, tf.float32),
    DetectorNoiseConfig(landmark_3d_absent=0.0),
    errors,
  )
  modelled = np.concatenate([points, weights[..., None]], axis=-1)
  for rows in landmarks_3d.GROUPS.values():
    shown = seen.landmarks[:, rows, 3].max(axis=1) > 0
    modelled[np.ix_(~shown, rows)] = 0.0
  lines = []
  for name, landmarks in (
    ("measured", seen.landmarks),
    ("modelled", modelled),
  ):
    here = seen._replace(groups=(name,) * len(seen.groups), landmarks=landmarks)
    for rows in (landmarks_3d.summarize(here), landmarks_3d.reliability(here)):
      lines += ["", figures.markdown(rows, digits=1)]
  return "\n".join(lines)


def main(argv: Sequence[str]) -> int:
  if len(argv) > 1:
    print(f"unknown arguments {argv[1:]}; see --help", file=sys.stderr)
    return 1
  try:
    config = _to_config()
    if not config.records:
      raise ValueError("--landmark_records: got none, expected a folder")
    look = PeopleDetector(), body_flags.to_model()
    seen = _observe(config.records, config.people, *look)
    errors = landmark_noise_fit.fit(seen.landmarks, seen.truth, seen.hidden)
    landmark_noise_fit.save(errors, Path(config.output))
    if config.check_records:
      other = _observe(config.check_records, config.people // 4, *look)
      print(_side_by_side(other, errors))
  except (ValueError, OSError) as error:
    print(f"fit_landmark_noise: {error}", file=sys.stderr)
    return 1
  for name, group in errors.items():
    print(f"{name}: log spread {group.spread.round(2)}, of {len(group.rows)}")
  print(f"wrote {config.output}")
  return 0


if __name__ == "__main__":
  program.run(main)
