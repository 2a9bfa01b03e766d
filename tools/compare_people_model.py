"""Compares an exported model of people with this package, on photos.

  hund export --format=people -o exported
  python -m tools.compare_people_model --people_model_dir=exported photos/*.jpg

Prints Markdown: who is found by both and how far apart these people are, and
what either takes: CPU time, time on the clock, and the model's memory. Without
photos it takes the bundled ones. Photos of more people than the model
gives are left out of the distances: in the model, people beyond these take no
pixels of the others' masks.
"""

import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import hund_tf
from flags import program
from flags.from_config import define
from hund_tf.compat import tf
from hund_tf.evaluation import model_agreement
from hund_tf.evaluation.figures import mean
from hund_tf.evaluation.model_agreement import Found
from hund_tf.options import REQUIRED, check, option


@dataclass(frozen=True)
class _Config:
  """What is compared."""

  people_model_dir: str = option(
    REQUIRED, "Folder of a model of tools.export --format=people."
  )

  def __post_init__(self):
    check(self)


_to_config = define(_Config, "Model")


def _timed(function, *inputs):
  """What a function gives, and seconds of CPU time and on the clock."""
  begin = time.process_time(), time.perf_counter()
  found = function(*inputs)
  return found, np.array(
    [time.process_time() - begin[0], time.perf_counter() - begin[1]]
  )


def _ours(
  photos: Sequence[Path],
) -> tuple[list[Found], list[np.ndarray]]:
  """What this package finds and its seconds, photo by photo."""
  model = hund_tf.load(parts=())
  model(photos[0])  # traces
  found, seconds = [], []
  for photo in photos:
    people, spent = _timed(model, photo)
    found.append(
      Found(
        np.reshape([p.box for p in people], [-1, 4]),
        np.reshape([p.joints for p in people], [-1, 63, 3]),
        np.reshape([p.keypoints_2d for p in people], [-1, 137, 2]),
      )
    )
    seconds.append(spent)
  return found, seconds


def _theirs(
  model, photos: Sequence[Path]
) -> tuple[list[Found], list[np.ndarray]]:
  found, seconds = [], []
  for photo in photos:
    data = tf.constant([photo.read_bytes()])
    outputs, spent = _timed(model, data)
    outputs = {name: value.numpy() for name, value in outputs.items()}
    try:
      found.append(model_agreement.of_outputs(outputs, 0))
    except ValueError as error:
      raise ValueError(f"{photo}: {error}") from error
    seconds.append(spent)
  return found, seconds


def compare(folder: str, photos: Sequence[Path]) -> list[str]:
  """Lines of Markdown.

  Raises:
    ValueError: if a photo cannot be read.
    OSError: if the model cannot be loaded.
  """
  model, load = _timed(tf.saved_model.load, folder)
  every = tf.constant([photo.read_bytes() for photo in photos])
  first, first_call = _timed(model, every[:1])
  theirs, alone = _theirs(model, photos)
  _, together = _timed(model, every)
  memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
  ours, package = _ours(photos)
  most = first["boxes"].shape[1]
  few = [i for i, found in enumerate(ours) if len(found.boxes) <= most]
  ours, theirs = ([found[i] for i in few] for found in (ours, theirs))
  same = sum(
    len(a.boxes) == len(b.boxes) for a, b in zip(ours, theirs, strict=True)
  )
  pairs = model_agreement.pairs(ours, theirs)
  lines = [
    f"{len(photos)} photos, {len(photos) - len(few)} of more than {most} "
    f"people, {same} of the others with as many in both; "
    f"{sum(len(x.boxes) for x in ours)} people of this package, "
    f"{sum(len(x.boxes) for x in theirs)} of the model, {len(pairs.boxes)} of "
    "both",
    "",
    "| apart | median | 90% below | largest |",
    "|---|---|---|---|",
  ]
  titles = "boxes, px", "joints, mm", "against the pelvis, mm"
  titles += "share of the distance", "keypoints, px"
  for title, values in zip(titles, pairs, strict=True):
    if len(values):
      figures = np.median(values), np.quantile(values, 0.9), max(values)
      cells = " | ".join(f"{figure:.2g}" for figure in figures)
      lines.append(f"| {title} | {cells} |")
  share = np.mean(pairs.joints < 0.1) if len(pairs.joints) else float("nan")
  rows = (
    ("to load the model", [load]),
    ("its first call", [first_call]),
    ("a photo, one in a call", alone),
    ("a photo, all in one call", [together / len(photos)]),
    ("a photo with this package", package),
  )
  return [
    *lines,
    "",
    f"Joints within 0.1 mm: {100 * share:.0f}% of the people.",
    "",
    "| seconds | of CPU time | on the clock |",
    "|---|---|---|",
    *(
      f"| {name} | {mean(cpu).text(2)} | {mean(clock).text(2)} |"
      for name, times in rows
      for cpu, clock in [np.transpose(times)]
    ),
    "",
    f"Peak memory of the process with the model alone: {memory:.1f} GiB.",
  ]


def main(argv: Sequence[str]) -> int:
  photos = [Path(name) for name in argv[1:]]
  photos = photos or [hund_tf.demo_photo(n) for n in ("astronaut", "cameraman")]
  try:
    lines = compare(_to_config().people_model_dir, photos)
  except (ValueError, OSError) as error:
    print(f"compare_people_model: {error}", file=sys.stderr)
    return 1
  print("\n".join(lines))
  return 0


if __name__ == "__main__":
  program.run(main)
