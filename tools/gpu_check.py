"""Checks and times the work of a GPU against the CPU; see gpu_check.sh.

  tools/gpu_check.sh
  python -m tools.gpu_check --check_output=cpu.npz
  python -m tools.gpu_check --check_output=gpu.npz --check_reference=cpu.npz

Prints the devices; people a second from decoded photos to bodies, by the number
of photos in a call; training steps a second of the learned descent and of the
multitask network, with its share of the rate of matrix products; and how far
joints are from those of the reference. Without a GPU, small sizes are timed.
"""

import dataclasses
import sys
from collections.abc import Sequence

import numpy as np

from flags import program
from flags.from_config import define
from hund_tf.api.demo import demo_photo
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.detection.detector import PeopleDetector
from hund_tf.evaluation.detection_speed import crowd
from hund_tf.files import atomic_path
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.models.hund import weights
from hund_tf.models.multitask.config import VARIANTS
from hund_tf.models.multitask.network import MultitaskNetwork, forward_flops
from hund_tf.options import REQUIRED, check, option
from hund_tf.photos.loading import load_photo
from hund_tf.reconstruction.method_config import MethodConfig, make_method
from hund_tf.reconstruction.reconstructor import Reconstructor
from hund_tf.training import speed
from hund_tf.types import Intrinsics

_FOCAL = 300.0  # pixels, of the photos
_TOLERANCE = 1e-3  # metres


@dataclasses.dataclass(frozen=True)
class _Check:
  """What is checked."""

  output: str = option(
    REQUIRED, "File (.npz) of the measured figures.", name="check_output"
  )
  reference: str | None = option(
    None,
    "File that the check wrote on the CPU, to compare with.",
    name="check_reference",
  )
  batches: tuple[int, ...] = option(
    (),
    "Numbers of photos in a call; by default 1, 8, 32, 128, or 1 and 8 without "
    "a GPU.",
    name="check_batches",
    low=1,
  )
  repeats: int = option(
    3, "Timed runs of each, after one warm-up.", name="check_repeats", low=1
  )
  training: bool = option(True, "Time training, too.", name="check_training")
  profile: str | None = option(
    None,
    "Folder for a TensorBoard profile of one call and one training step.",
    name="check_profile",
  )

  def __post_init__(self):
    check(self)


_to_config = define(_Check, "GPU check")


class _People:
  """From photos to bodies, without decoding, parts and files."""

  def __init__(self):
    objective = AlignmentObjective(BodyModel())
    self._reconstruct = Reconstructor(make_method(MethodConfig(), objective))
    self._detector = PeopleDetector()
    self._photo = crowd(load_photo(demo_photo()), 1)

  def __call__(self, number: int) -> np.ndarray:
    """Joints [N, 63, 3] of the people of so many photos of one person."""
    photos = [self._photo] * number
    found = self._detector.detect_photos(photos, [None] * number)
    side = self._photo.shape[0]
    camera = Intrinsics(np.full(2, _FOCAL), np.full(2, side / 2.0))
    people = self._reconstruct(sum(found, []), camera)
    return np.stack([person.body.joints for person in people])


def _devices(gpus: Sequence) -> None:
  build = tf.sysconfig.get_build_info()
  print(
    f"TensorFlow {tf.__version__}, CUDA {build.get('cuda_version', 'none')}"
  )
  for gpu in gpus:
    details = tf.config.experimental.get_device_details(gpu)
    print(f"{gpu.name}: {details.get('device_name')}")
  if not gpus:
    print("No GPU is there: the CPU is timed, with small sizes.")


def _time_people(config: _Check, gpus: Sequence) -> dict[str, np.ndarray]:
  """Joints of one photo, and people a second by the number of photos."""
  people = _People()
  # As the CPU computes; by default newer GPUs round products to 10 bits.
  tf.config.experimental.enable_tensor_float_32_execution(False)
  found = {"joints": people(1)}
  tf.config.experimental.enable_tensor_float_32_execution(True)
  if gpus:
    found["joints_tf32"] = people(1)
  for batch in config.batches or ((1, 8, 32, 128) if gpus else (1, 8)):
    seconds = speed.median_seconds(lambda n=batch: people(n), config.repeats)
    found[f"people/{batch}"] = np.array(batch / seconds)
    print(f"{batch:4d} photos: {batch / seconds:8.2f} people/s", flush=True)
  if config.profile:
    tf.profiler.experimental.start(config.profile)
    people(1)
    tf.profiler.experimental.stop()
  return found


def _time_training(config: _Check, gpus: Sequence) -> None:
  size = 8192 if gpus else 512
  for precision, dtype in (
    ("float32", "float32"),
    ("mixed_bfloat16", "bfloat16"),
  ):
    rate = speed.matmul_rate(dtype, size, config.repeats)
    variant, batch = ("paper", 32) if gpus else ("small", 1)
    network = MultitaskNetwork(
      dataclasses.replace(VARIANTS[variant], precision=precision)
    )
    step = speed.multitask_step(network, batch)
    seconds = speed.median_seconds(step, config.repeats)
    work = 3 * forward_flops(network) * batch / seconds
    print(
      f"Multitask network, {variant}, {precision}, batch {batch}: "
      f"{1 / seconds:.2f} steps/s, {work / 1e12:.2f} TFLOP/s, "
      f"{work / rate:.0%} of the {rate / 1e12:.2f} of matrix products",
      flush=True,
    )
  batch = 256 if gpus else 2
  step = speed.hund_step(weights.load(BodyModel()), batch)
  seconds = speed.median_seconds(step, config.repeats)
  print(f"Learned descent, batch {batch}: {1 / seconds:.2f} steps/s")
  if config.profile:
    tf.profiler.experimental.start(config.profile)
    step()
    tf.profiler.experimental.stop()


def compare(
  found: dict[str, np.ndarray], reference: dict[str, np.ndarray]
) -> bool:
  """Prints ratios to another device; whether joints are within 1e-3 metres.

  Args:
    found: joints [N, 63, 3] and people a second of this device, by name.
    reference: of the other.
  """
  for name in found.keys() & reference.keys():
    if name.startswith("people/"):
      ratio = found[name] / reference[name]
      print(f"{name}: {ratio:.1f} times the reference")
  for name in ("joints_tf32", "joints"):
    if name in found:
      error = np.abs(found[name] - reference["joints"]).max()
      print(f"{name}: {error:.1e} metres from the reference")
  return bool(error < _TOLERANCE)


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    print(f"unknown arguments {argv[1:]}; see --help", file=sys.stderr)
    return 1
  config = _to_config()
  gpus = tf.config.list_physical_devices("GPU")
  _devices(gpus)
  found = _time_people(config, gpus)
  with atomic_path(config.output) as temporary, temporary.open("wb") as file:
    np.savez(file, **found)
  equal = True
  if config.reference is not None:
    with np.load(config.reference) as reference:
      equal = compare(found, dict(reference))
    print("equal" if equal else f"NOT equal to {_TOLERANCE} metres", flush=True)
  if config.training:
    _time_training(config, gpus)
  if config.profile:
    print(f"profile: tensorboard --logdir={config.profile}")
  return 0 if equal else 1


if __name__ == "__main__":
  program.run(main)
