"""Adapts the learned descent to photos or videos without annotations.

  python -m tools.adapt --images=PHOTOS --output_dir=adapted
  python -m tools.reconstruct --weights=adapted/adapted.npz ...

A part of the photos is held out; weights are kept only if they are better
there (see docs/guide/adaptation.md). The folder gets adapted.npz, report.json,
curve.png, before_after.png and run.flags; if nothing is kept, the report alone.
Ctrl-C and SIGTERM end it after the update, with what was kept until then.
It exits with 2 if nothing was kept, and with 1 if a photo or the whole run
failed.
"""

import dataclasses
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from flags import (
  adaptation_flags,
  body_flags,
  descent_flags,
  flagfile,
  folder_flags,
  method_flags,
  photo_flags,
  program,
  synthetic_flags,
)
from hund_tf import files, interrupts, locks
from hund_tf.compat import tf_keras
from hund_tf.models import weight_files
from hund_tf.models.hund import weights
from hund_tf.models.hund.model import HundModel
from hund_tf.photos import people
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.training import run_devices
from hund_tf.training.adaptation import held_out
from hund_tf.training.adaptation import report as adaptation_report
from hund_tf.training.adaptation.photo_people import PhotoPeople
from hund_tf.training.adaptation.trainer import Adaptation, AdaptationResult
from hund_tf.visualization import adaptation_pictures

WEIGHTS = "adapted.npz"
REPORT = "report.json"


def _say(line: str) -> None:
  print(line, file=sys.stderr, flush=True)


def _make(model: HundModel, parts: held_out.PhotoParts) -> Adaptation:
  """The adaptation as the flags describe it."""
  body_model = model.objective.body_model
  config = synthetic_flags.to_config()
  prior = body_model.pose_prior
  return Adaptation(
    model,
    *parts.people(),
    SyntheticExamples(body_model, synthetic_flags.to_poses(prior), config),
    SyntheticExamples(
      body_model,
      synthetic_flags.to_poses(prior, "validation"),
      config.captured_only(),
    ),
    adaptation_flags.to_config(),
    lambda line: print(line, flush=True),
  )


def _write_kept(
  folder: Path,
  adaptation: Adaptation,
  result: AdaptationResult,
  parts: held_out.PhotoParts,
) -> None:
  """Writes the weights and the pictures."""
  crops = [crop for photo in parts.held_out for crop in photo.crops]
  strip = adaptation_pictures.draw_before_after(
    crops,
    adaptation.cameras(),
    result.before,
    result.best,
    adaptation.model.objective.body_model,
  )
  files.write_png(folder / "before_after.png", strip)
  adaptation_pictures.save_adaptation_curve(folder / "curve.png", result)
  with files.atomic_path(folder / "run.flags") as temporary:
    temporary.write_text(
      flagfile.to_text(program.groups_of(sys.modules[__name__])),
      encoding="utf-8",
    )
  weights.save(adaptation.model, folder / WEIGHTS)


def _summary(result: AdaptationResult, folder: Path) -> None:
  """Prints what came of it."""
  before, best = result.before, result.best
  if best is None:
    _say(f"the weights were not kept; {folder / REPORT} tells the course")
    for reason in result.reasons:
      _say(f"  {reason}")
    return
  fall = 1.0 - best.objective / before.objective
  path = folder / WEIGHTS
  print(
    f"held-out L_u {before.objective:.2f} -> {best.objective:.2f} "
    f"({fall:.1%} less), synthetic MPJPE {before.mpjpe:.1f} -> "
    f"{best.mpjpe:.1f} mm; written to {path}"
  )
  print(
    "people reconstructed with it are given no quality and are not polished, "
    "which are calibrated for one set of weights: python -m "
    f"tools.calibrate_quality --weights={path} and python -m "
    f"tools.calibrate_polish --weights={path} do it anew"
  )


def _adapt(argv: Sequence[str]) -> int:
  folder = files.prepare_output_dir(folder_flags.output_dir())
  with locks.only_writer(folder):
    return _adapt_into(folder, argv)


def _adapt_into(folder: Path, argv: Sequence[str]) -> int:
  begin = time.time()
  inputs = adaptation_flags.to_inputs()
  photos = photo_flags.to_config(argv)
  patterns = photos.patterns(required=not inputs.video)
  config = adaptation_flags.to_config()
  if method_flags.name() != "hund":
    raise ValueError(
      f"--method: got {method_flags.name()}, expected hund, which is what is "
      "adapted"
    )
  if (folder / WEIGHTS).exists():
    raise ValueError(
      f"{folder / WEIGHTS}: is there already; give another --output_dir"
    )
  tf_keras.utils.set_random_seed(config.seed)
  initial = method_flags.weights_path()
  model = weights.load(
    body_flags.to_model(), initial, descent_flags.jit_compile()
  )
  finder = PhotoPeople(
    people.make_finder(photos.people), config.jitter, config.seed, _say
  )
  parts = held_out.collect(finder, patterns, inputs)
  trained, judged = parts.people()
  print(
    f"{len(trained)} people of {len(parts.trained)} photos to train on, "
    f"{len(judged)} of {len(parts.held_out)} held out"
  )
  adaptation = _make(model, parts)
  with interrupts.waiting(limit=1) as asked:
    result = adaptation.run(lambda: bool(asked))
    report = adaptation_report.build(
      result,
      config,
      trained,
      judged,
      initial_weights=initial,
      initial_weights_sha256=weight_files.digest(initial),
      inputs=dataclasses.asdict(inputs),
      failures=finder.failures,
      seconds=round(time.time() - begin, 1),
    )
    if result.best:
      _write_kept(folder, adaptation, result, parts)
    adaptation_report.write(folder / REPORT, report)
    _summary(result, folder)
  if result.best is None:
    return 2
  return 1 if finder.failures else 0


def main(argv: Sequence[str]) -> int:
  run_devices.be_deterministic()
  try:
    return _adapt(argv[1:])
  except (ValueError, OSError) as error:
    _say(f"adapt: {error}")
    return 1


if __name__ == "__main__":
  program.run(main)
