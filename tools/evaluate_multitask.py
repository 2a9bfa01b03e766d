"""Measures the multitask network on held-out records and annotated photos.

  python -m tools.evaluate_multitask --validation_records=HELD_OUT \\
    --annotations=PHOTOS/annotations.json --compare_features \\
    --metrics_output=multitask.metrics.json --sheet_output=maps.png

Records: PCK@0.1 of K and mean IoU of B. Photos: PCK@0.1 of K around annotated
boxes, and reconstructions from landmarks, from the network, and from both.
What else is in a file of metrics that exists stays there.
"""

import dataclasses
import functools
import json
import sys
from pathlib import Path

from absl import app

from flags import (
  body_flags,
  feature_flags,
  held_out_flags,
  method_flags,
  objective_flags,
  program,
)
from flags.from_config import define
from hund_tf import files
from hund_tf.datasets.coco import read_coco_keypoints
from hund_tf.detection import network_features
from hund_tf.detection.feature_config import load_network, make_features
from hund_tf.evaluation import network_photos
from hund_tf.evaluation.config import AnnotatedPhotos
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.models.multitask.mirror_average import MapNetwork
from hund_tf.options import REQUIRED, check, option
from hund_tf.photos import loading
from hund_tf.photos.people import make_finder
from hund_tf.training.multitask.batches import held_out_batches
from hund_tf.training.multitask.trainer import make_judge, score
from hund_tf.visualization import map_sheet


@dataclasses.dataclass(frozen=True)
class MultitaskEvaluationConfig:
  """What is measured."""

  metrics: str = option(
    REQUIRED, "JSON file of the figures.", name="metrics_output"
  )
  sheet: str | None = option(
    None,
    "PNG of K and B of held-out records; without it none is drawn.",
    name="sheet_output",
  )
  count: int = option(
    1000,
    "Records of --validation_records that are measured.",
    name="held_out_records",
    low=1,
  )
  photos: AnnotatedPhotos = AnnotatedPhotos()
  compare: bool = option(
    False,
    "Reconstruct the photos' people from each kind of --features.",
    name="compare_features",
  )

  def __post_init__(self):
    check(self)


_to_config = define(MultitaskEvaluationConfig, "Evaluation")
_BATCH = 25
_SHEET_PEOPLE = 16


def _on_records(network: MapNetwork, config) -> dict:
  """Scores on the held-out records; draws the sheet."""
  manifest = held_out_flags.to_manifest()
  if manifest is None:
    return {}
  batches = held_out_batches(
    manifest,
    config.count,
    network.config.input_size,
    _BATCH,
    detected=True,  # where nothing is annotated
  )
  judge = make_judge(network)
  if config.sheet:
    images = batches[0].image[:_SHEET_PEOPLE]
    _, heatmaps, parts = judge(images)
    sheet = map_sheet.draw(images.numpy(), heatmaps.numpy(), parts.numpy())
    files.write_png(Path(config.sheet), sheet)
  return {
    "records": sum(len(batch.image) for batch in batches),
    **score(judge, batches).as_dict(),
  }


def _on_photos(network: MapNetwork, config) -> dict:
  """Scores of K, and of reconstructions, on annotated photos."""
  people = [
    person
    for name in config.photos.annotations
    for person in read_coco_keypoints(Path(name), config.photos.photo_dir)
  ]
  if not people:
    return {}
  load = functools.lru_cache(maxsize=32)(loading.load_photo)
  own = network_photos.own_keypoints(network, people, load)
  figures = {"own": {**own._asdict(), "pck": round(own.pck, 4)}}
  if not config.compare:
    return figures
  method = method_flags.to_method(
    AlignmentObjective(body_flags.to_model(), objective_flags.to_config())
  )
  find = functools.cache(make_finder())
  for kind in network_features.KINDS:
    if kind == "landmarks" and method.feature_channels:
      continue  # a method that reads F cannot do without the network
    make = make_features(kind, network, method.feature_channels)
    result = network_photos.score_features(method, make, people, find)
    figures[kind] = {
      name: round(value, 4) for name, value in result._asdict().items()
    }
    print(kind, figures[kind], flush=True)
  return figures


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  config = _to_config()
  try:
    network = load_network(feature_flags.to_config())
    figures = {
      "trainable_parameters": network.num_trainable(),
      "held_out": _on_records(network, config),
      "photos": _on_photos(network, config),
    }
    files.update_json(Path(config.metrics), figures)
  except (ValueError, OSError) as error:
    print(f"evaluate_multitask: {error}", file=sys.stderr)
    return 1
  print(json.dumps(figures, indent=2))
  return 0


if __name__ == "__main__":
  program.run(main)
