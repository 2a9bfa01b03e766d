"""Reconstructs the people of photos in 3D: photos in, files out.

For each photo NAME.* it writes, as --save asks, NAME_overlay.png,
NAME_views.png, NAME_stages.png, NAME_parts.png, NAME_descent.gif, NAME.glb,
NAME.obj, NAME_rigged.glb, NAME_descent.glb, NAME.html, NAME.usdc,
NAME_descent.usdc, NAME_smplx.npz, NAME_0.bvh ... and NAME.json (see
docs/guide/outputs.md). The results of a photo replace those that were there
before as a whole; results.jsonl records what was made of what.
"""

import dataclasses
import time
from pathlib import Path

import hund_tf
from hund_tf import interrupts, locks
from hund_tf.api import result_files
from hund_tf.api.model import PeopleModel
from hund_tf.api.result_files import WritingConfig
from hund_tf.body.model import BodyConfig, BodyModel
from hund_tf.cli.reconstruction import Reconstruction, say
from hund_tf.detection.feature_config import FeatureConfig, load_features
from hund_tf.export.result_folder import ResultFolder
from hund_tf.files import OutputFolder
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.models.hund import part_weights
from hund_tf.models.multitask.weights import DEFAULT_PATH as NETWORK_WEIGHTS
from hund_tf.optimization.config import OptimizerConfig
from hund_tf.options import check, option
from hund_tf.photos import people
from hund_tf.photos.corrections import user_corrections
from hund_tf.photos.people_config import PhotosConfig
from hund_tf.photos.source import source_of
from hund_tf.reconstruction.method_config import (
  MethodConfig,
  find_calibration,
  find_parts,
  make_method,
)
from hund_tf.reconstruction.part_config import PartsConfig
from hund_tf.reconstruction.quality import QualityCalibration, QualityError
from hund_tf.reconstruction.reconstructor import Reconstructor
from hund_tf.rendering.tfg_op import RasterizerOpError


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReconstructConfig:
  """Photos and results."""

  photos: PhotosConfig = PhotosConfig()
  output: OutputFolder
  save: tuple[str, ...] = option(
    ("overlay", "glb", "json"),
    "Results to write of each photo.",
    choices=result_files.KINDS,
  )
  writing: WritingConfig = WritingConfig()
  corrections: str | None = option(
    None,
    'JSON file of what is known better of people: {photo name: [{"person": '
    '0, "keypoints": {"l_wrist": [x, y]}}]}; docs/guide/steering.md.',
  )
  skip_existing: bool = option(
    False,
    "Leave out photos whose results are there, of the same file and the same "
    "options.",
  )
  method: MethodConfig = MethodConfig()
  features: FeatureConfig = FeatureConfig()
  parts: PartsConfig = PartsConfig()
  optimizer: OptimizerConfig = OptimizerConfig()
  objective: ObjectiveConfig = ObjectiveConfig()
  body: BodyConfig = BodyConfig()

  def __post_init__(self):
    check(self)
    if not self.save:
      raise ValueError(
        f"save: nothing; give some of {', '.join(result_files.KINDS)}"
      )


def make(config: ReconstructConfig) -> Reconstruction:
  """Reads what the user states and loads the models.

  Raises:
    ValueError: if an option, the folder or a file of weights cannot be used.
    RasterizerOpError: if the part renderer cannot be had.
    ImportError: if a package of an extra is missing.
  """
  result_files.prepare(config.save, config.writing)
  finder = people.make_finder(config.photos.people)
  stated = config.corrections
  corrections = None if stated is None else user_corrections(stated)
  folder = ResultFolder(config.output.output_dir)
  body_model = BodyModel(shape_decoder=config.body.shape_decoder)
  objective = AlignmentObjective(body_model, config.objective)
  method = make_method(config.method, objective, config.optimizer)
  features = load_features(config.features, method.feature_channels)
  reconstructor = Reconstructor(
    method,
    _quality(config.method, objective),
    features,
    method.uncertainty,
    find_parts(config.parts, method, config.method),
  )
  model = PeopleModel(None, reconstructor, body_model, config.method.name)
  return Reconstruction(
    finder,
    model,
    folder,
    config.save,
    _settings(config),
    config.skip_existing,
    config.writing,
    corrections,
  )


def _quality(
  config: MethodConfig, objective: AlignmentObjective
) -> QualityCalibration | None:
  """The calibration of the method; people go without if it is unusable."""
  try:
    found = find_calibration(config, objective)
  except QualityError as error:
    say(f"warning: {error}; people are given no quality")
    return None
  if found is None and config.name == "hund":
    say(
      f"no quality calibration of {config.weights_path} with these settings: "
      "people are given no quality; tools.calibrate_quality makes one"
    )
  return found


def _counted(number: int, one: str, many: str) -> str:
  return f"{number} {one if number == 1 else many}"


def _settings(config: ReconstructConfig) -> str:
  """What results depend on beside the photo and what is stated of it."""
  used = config.method, config.features, config.objective, config.optimizer
  used += (config.parts, config.writing)
  learned = config.method.method == "hund"
  weights: list[str | Path] = []
  if learned:
    weights.append(config.method.weights_path)
  if config.features.features != "landmarks":
    weights.append(config.features.network_weights or NETWORK_WEIGHTS)
  if "smplx" in config.save:
    files = config.writing.smpl_model, config.writing.smpl_correspondence
    weights += [path for path in files if path is not None]
  if config.parts.names:
    weights += part_weights.DEFAULT_PATHS.values()
  return repr(
    (
      hund_tf.__version__,
      used,
      config.body,
      [source_of(path).sha256 for path in weights],
    )
  )


def run(config: ReconstructConfig) -> int:
  """Reconstructs photos.

  Returns:
    The exit status: 0, 1 if a photo failed, 130 if it was interrupted (0 if
    by SIGTERM).
  """
  try:
    with locks.only_writer(config.output.output_dir):
      return _run(config)
  except (ValueError, OSError, ImportError, RasterizerOpError) as error:
    say(f"reconstruct: {error}")
    return 1


def _run(config: ReconstructConfig) -> int:
  """Reconstructs photos into a folder that is ours; returns the status."""
  begin = time.time()
  patterns = config.photos.patterns()
  reconstruction = make(config)
  interrupt = None
  try:
    reconstruction.run(patterns)
  except KeyboardInterrupt as error:
    interrupt = error
  counts = reconstruction.counts
  skipped = f"{counts.skipped} skipped, " if counts.skipped else ""
  begun = f"{interrupts.line(interrupt)}: " if interrupt else ""
  seconds = time.time() - begin
  print(
    f"{begun}{_counted(counts.done, 'photo', 'photos')} done, {skipped}"
    f"{_counted(counts.people, 'person', 'people')}, {counts.failed} failed, "
    f"{seconds:.0f} s; results in "
    f"{config.output.output_dir}"
  )
  if interrupt:
    return interrupts.status(interrupt)
  if line := reconstruction.seconds_per_person():
    print(line)
  return 1 if counts.failed else 0
