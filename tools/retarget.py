"""Fits our body to the ground truth of person records, and stores the states.

  python -m tools.retarget --source_records=H36M --fitted_records_dir=FITTED
  python -m tools.retarget --source_records=PW3D --fitted_records_dir=FITTED \\
    --fit_to=smpl --measurements=PW3D.npz --smpl_file=SMPL_NEUTRAL.pkl \\
    --correspondence=SMPL.npz
  python -m tools.retarget --source_records=PW3D --fitted_records_dir=FITTED \\
    --fit_to=smpl --threedpw_dir=3DPW --smpl_file=MALE.pkl,FEMALE.pkl \\
    --correspondence=SMPL.npz

Shards that are already there with the same settings are kept, so a run that was
stopped goes on. Prints what is left of the distances, and who was not fitted;
if that is everybody, it fails.
"""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from flags import body_flags, program, retargeting_flags
from hund_tf import files, locks
from hund_tf.body.adapters import smpl_models
from hund_tf.body.model import BodyModel
from hund_tf.datasets.threedpw import measurements as threedpw_measurements
from hund_tf.records import shards
from hund_tf.retargeting import correspondence, point_sets
from hund_tf.retargeting import records as retargeted
from hund_tf.retargeting.config import RetargetingToolConfig
from hund_tf.retargeting.fitted_folder import fit_folder


def _source(config, body: BodyModel) -> retargeted.FitSource:
  if config.fit_to == "joints":
    return retargeted.JointSource(body, config.fit)
  if config.fit_to == "markers":
    measurements = retargeted.read_measurements(config.measurements, "markers")
    placed = point_sets.read_markers(
      config.marker_file, body.asset.num_vertices
    )
    return retargeted.MarkerSource(body, config.fit, placed, measurements)
  models = smpl_models.load(config.smpl_file)
  if config.threedpw_dir:
    measurements = threedpw_measurements.read(config.threedpw_dir, models)
  else:
    measurements = retargeted.read_measurements(config.measurements, "smpl")
  table = correspondence.load(config.correspondence)
  return retargeted.MeshSource(body, config.fit, models, table, measurements)


def _inputs(config) -> list[Path]:
  """The files that the fits depend on, besides the records."""
  names = config.measurements, config.correspondence, config.marker_file
  paths = [Path(name) for name in (*names, *config.smpl_file) if name]
  if config.threedpw_dir:
    paths += threedpw_measurements.sequence_files(config.threedpw_dir)
  return [path for path in paths if path.exists()]


def run(config: RetargetingToolConfig, body: BodyModel) -> str:
  """Writes the fitted records; returns the report.

  Raises:
    ValueError: if something cannot be used, or nothing was fitted; there is no
      manifest then.
  """
  manifest = shards.read_manifest(Path(config.records))
  folder = files.prepare_output_dir(config.fitted_records_dir)
  if folder.resolve() == manifest.folder.resolve():
    raise ValueError(
      f"--fitted_records_dir={folder}: the records themselves are there; give "
      "another folder"
    )
  settings = dataclasses.asdict(config) | {"of": manifest.settings}
  settings |= {"shards": [shard.sha256 for shard in manifest.shards]}
  versions = {}
  for path in _inputs(config):
    status = path.stat()
    versions[str(path)] = [status.st_size, status.st_mtime_ns]
  settings["input_versions"] = versions
  source = _source(config, body)
  with tqdm(total=manifest.count, unit="record", file=sys.stderr) as bar:
    report = fit_folder(
      manifest,
      folder,
      source,
      body,
      config.fit.batch_size,
      config.max_residual_mm,
      settings,
      bar.update,
    )
  return "\n".join(report)


def main(argv: Sequence[str]) -> int:
  if len(argv) > 1:
    print(f"unknown arguments {argv[1:]}; see --help", file=sys.stderr)
    return 1
  try:
    config = retargeting_flags.to_config()
    with locks.only_writer(config.fitted_records_dir):
      print(run(config, body_flags.to_model()))
  except (ValueError, OSError) as error:
    print(error, file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  program.run(main)
