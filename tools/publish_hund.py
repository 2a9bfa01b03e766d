"""Publishes the weights of a finished run, with what they reach.

  python -m tools.publish_hund --trained_run_dirs=RUN,RUN2 \\
    --pose_file=POSES --curves=docs/images/hund_training.png

writes the last run's best weights, the flags of the runs, and the errors of
every stage on held-out clips: as the flags mix people by what is known of B,
with all of it known, with the foreground alone and with nothing, of people whom
the border does not cut, of these with all of B known, and of these without
errors of detectors.
"""

import functools
import json
import pathlib
import sys

from absl import app

from flags import body_flags, program, publication_flags, synthetic_flags
from hund_tf.compat import tf
from hund_tf.models.hund import weights
from hund_tf.training.hund import publication
from hund_tf.visualization.training_curves import save_training_curves


def _measure(config: publication_flags.PublicationConfig, path: str) -> dict:
  """Errors of every stage on held-out clips."""
  with tf.device("CPU:0"):
    body_model = body_flags.to_model()
  return publication.measure(
    weights.load(body_model, path),
    synthetic_flags.to_poses(body_model.pose_prior, "held_out"),
    synthetic_flags.to_config(),
    config.examples,
  )


def _publish(config: publication_flags.PublicationConfig) -> dict:
  """Writes weights, flags, metrics and curves; returns the metrics."""
  metrics = publication.publish(
    config.run_dirs,
    config.begun_with,
    config.output,
    functools.partial(_measure, config),
  )
  if config.curves:
    runs = [pathlib.Path(folder) for folder in config.run_dirs]
    save_training_curves(runs, config.curves)
  return metrics


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  try:
    metrics = _publish(publication_flags.to_config())
  except (ValueError, OSError) as error:
    print(f"publish_hund: {error}", file=sys.stderr)
    return 1
  print(json.dumps(metrics, indent=2))
  return 0


if __name__ == "__main__":
  program.run(main)
