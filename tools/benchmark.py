"""Times the parts that decide the speed, side by side in one run.

  python -m tools.benchmark [--repeats=5]
  python -m tools.benchmark --benchmarks=retargeting --pose_file=poses.npz

Prints medians in ms and their ratios; of retargeting, also the errors of the
fits.
"""

import dataclasses
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np

from flags import program, synthetic_flags
from flags.from_config import define
from hund_tf.api.demo import demo_photo
from hund_tf.body import poses
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.detection.detector import PeopleDetector
from hund_tf.evaluation import detection_speed, part_gate_trials
from hund_tf.geometry import camera
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.losses.supervised import SupervisedConfig
from hund_tf.models.hund import polish_anchor, weights
from hund_tf.models.hund.config import DescentOptions, HundConfig
from hund_tf.models.hund.model import blank_inputs
from hund_tf.models.multitask.config import VARIANTS
from hund_tf.models.multitask.network import MultitaskNetwork, forward_flops
from hund_tf.motion import pose_library
from hund_tf.options import check, option
from hund_tf.photos.loading import load_photo
from hund_tf.reconstruction.method_config import (
  MethodConfig,
  find_parts,
  make_method,
)
from hund_tf.reconstruction.methods import HundMethod
from hund_tf.reconstruction.part_config import PartsConfig
from hund_tf.reconstruction.reconstructor import Reconstructor
from hund_tf.rendering.soft import SoftPartRenderer
from hund_tf.retargeting import accuracy
from hund_tf.synthetic.example_config import SyntheticConfig
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.training.hund.config import TrainingConfig
from hund_tf.training.hund.step import make_train_step
from hund_tf.training.optimizer import make_optimizer
from hund_tf.training.speed import matmul_rate
from hund_tf.types import Intrinsics
from hund_tf.video import speed


@dataclasses.dataclass(frozen=True)
class _Benchmark:
  """What is timed."""

  repeats: int = option(5, "Timed runs of each, after one warm-up.", low=1)
  benchmarks: tuple[str, ...] = option(
    ("bodies", "networks"),
    "What is timed. detection: its steps for 1, 5 and 20 people, in batches "
    "and crop by crop, and 8 photos together and one by one. descents: "
    "learned, traced and compiled. parts: "
    "bodies with faces and hands against bodies alone. training: a "
    "step of the learned descent, traced and compiled. retargeting: fits to "
    "points of held-out poses of --pose_file or --synthetic_mocap_dir, else of "
    "the pose prior's. video: a frame beside a photo.",
    choices=(
      *("bodies", "descents", "detection"),
      *("networks", "parts", "retargeting", "training", "video"),
    ),
    repeated=True,
  )
  people: int = option(
    32,
    "Number of people that --benchmarks=retargeting fits.",
    name="retargeting_people",
    low=1,
  )

  def __post_init__(self):
    check(self)


_to_config = define(_Benchmark, "Benchmark")
_BATCH = 8
_TRAINING_BATCH = 256


def _median_ms(function: Callable, *arguments) -> float:
  """Median time of a call in milliseconds, after a warm-up."""
  function(*arguments)
  times = []
  for _ in range(_to_config().repeats):
    begin = time.perf_counter()
    function(*arguments)
    times.append(time.perf_counter() - begin)
  return 1e3 * float(np.median(times))


def _row(name: str, value: float, reference: float | None = None) -> None:
  ratio = "" if reference is None else f"{reference / value:10.1f} x"
  print(f"  {name:<52}{value:10.2f} ms{ratio}")


def _with_gradient(function):
  def run(x):
    with tf.GradientTape() as tape:
      tape.watch(x)
      result = tf.reduce_sum(function(x) ** 2)
    return result, tape.gradient(result, x)

  return run


def _renderer(model: BodyModel) -> None:
  print("Soft part renderer, 60 x 60, 1,500 faces, batch 8, per batch:")
  faces, parts = model.faces("proxy_1500"), model.part_labels("proxy_1500")
  renderer = SoftPartRenderer(faces, parts)
  intrinsics = Intrinsics(tf.constant([75.0, 75.0]), tf.constant([30.0, 30.0]))
  body = model.decode(poses.a_pose(model), mesh="proxy_1500")
  pixels = camera.project(body.vertices, intrinsics)
  vertices = tf.concat([pixels, body.vertices[..., 2:]], -1)
  vertices = tf.repeat(vertices, _BATCH, axis=0)
  for name, jit in (("", False), (", XLA", True)):
    forward = tf.function(renderer.__call__, jit_compile=jit)
    _row(f"face windows, forward{name}", _median_ms(forward, vertices))
    both = tf.function(_with_gradient(renderer), jit_compile=jit)
    _row(f"face windows, forward + backward{name}", _median_ms(both, vertices))


def _body(model: BodyModel) -> None:
  for batch in (1, 32):
    print(f"Body model, full mesh, batch {batch}, per batch:")
    state = tf.nest.map_structure(
      lambda x, n=batch: tf.repeat(x, n, axis=0), poses.a_pose(model)
    )
    for name, jit in (("", False), (", XLA", True)):
      decode = tf.function(model.decode, jit_compile=jit)
      _row(f"decode{name}", _median_ms(decode, state))


def _objective(model: BodyModel) -> None:
  print("Alignment objective, value and gradient, batch 1:")
  objective = AlignmentObjective(model)
  state = poses.a_pose(model)
  features, intrinsics = blank_inputs(HundConfig())
  features = features._replace(
    heatmap_weights=tf.ones_like(features.heatmap_weights),
    part_weights=tf.ones_like(features.part_weights),
  )
  target = target_from_features(features)

  def value(state):
    with tf.GradientTape() as tape:
      tape.watch(state)
      total = objective(state, target, intrinsics).total
    return total, tape.gradient(total, list(state))

  reference = None
  for name, jit in (("graph", False), ("XLA", True)):
    compiled = tf.function(value, jit_compile=jit, autograph=False)
    begin = time.perf_counter()
    compiled(state)
    first = 1e3 * (time.perf_counter() - begin)
    step = _median_ms(compiled, state)
    _row(f"{name}, first call", first)
    _row(f"{name}, further calls", step, reference)
    reference = step


def _descents() -> None:
  model = weights.load(BodyModel())
  anchor = polish_anchor.load_beside(weights.DEFAULT_PATH)
  for count, people in ((1, "one person"), (5, "five people")):
    blank, intrinsics = blank_inputs(model.config, count)
    seen = blank._replace(heatmap_weights=tf.ones_like(blank.heatmap_weights))
    known = seen._replace(part_weights=tf.ones_like(seen.part_weights))
    for name, features in (("parts known", known), ("no part known", seen)):
      print(f"Learned descent, {people}, {name}:", flush=True)
      reference = None
      for kind, jit_compile in (("stage by stage", False), ("by XLA", True)):
        method = HundMethod(model, jit_compile=jit_compile)
        begin = time.perf_counter()
        method(features, intrinsics)
        _row(f"{kind}, first call", 1e3 * (time.perf_counter() - begin))
        value = _median_ms(method, features, intrinsics)
        _row(f"{kind}, further calls", value, reference)
        reference = value
        if anchor is not None:
          method = HundMethod(model, jit_compile=jit_compile, anchor=anchor)
          value = _median_ms(method, features, intrinsics)
          _row(f"{kind}, with polish", value)


def _parts() -> None:
  """Times of people with all parts, of drawn people with detectors' errors."""
  model = BodyModel()
  objective = AlignmentObjective(model)
  library = synthetic_flags.to_poses(model.pose_prior, split="held_out")
  for count in (1, _BATCH):
    example = SyntheticExamples(model, library).example_batch(0, 0, count)
    people = part_gate_trials.detections_of(example)
    cameras = Intrinsics(*(x.numpy() for x in example.intrinsics))
    for kind, jit_compile in (("traced", False), ("by XLA", True)):
      config = MethodConfig(descent=DescentOptions(jit_compile=jit_compile))
      method = make_method(config, objective)
      print(f"Reconstruction, {count} at once, {kind}:", flush=True)
      alone = _median_ms(Reconstructor(method), people, cameras)
      _row("bodies alone", alone)
      parts = find_parts(PartsConfig(), method, config)
      reconstruct = Reconstructor(method, parts=parts)
      found = reconstruct(people, cameras)
      used = sum(part.used for person in found for part in person.parts)
      value = _median_ms(reconstruct, people, cameras)
      _row(f"with parts ({used} used)", value, alone)


def _network_step(network: MultitaskNetwork) -> Callable:
  """A training step's forward and backward pass, without its data."""

  def run(images: tf.Tensor):
    with tf.GradientTape() as tape:
      output = network(images, training=True)
      loss = sum(
        tf.reduce_mean(tf.nn.softplus(stage.heatmap_logits))
        + tf.reduce_mean(tf.nn.log_softmax(stage.part_logits) ** 2)
        for stage in output.stages
      )
    return tape.gradient(loss, network.trainable_variables)

  return tf.function(run, autograph=False)


def _networks() -> None:
  for variant, batch in (("small", _BATCH), ("paper", 1)):
    for precision, dtype in (
      ("float32", "float32"),
      ("mixed_bfloat16", "bfloat16"),
    ):
      network = MultitaskNetwork(
        dataclasses.replace(VARIANTS[variant], precision=precision)
      )
      side = network.config.input_size
      images = tf.random.stateless_uniform([batch, side, side, 3], [0, 0])
      forward = tf.function(network.call, autograph=False)
      flops = forward_flops(network)
      rate = 1e-9 * matmul_rate(dtype, 1024, _to_config().repeats)
      print(
        f"Multitask network, {variant}, {precision}, batch {batch}: "
        f"{network.num_trainable() / 1e6:.2f} M parameters, "
        f"{flops / 1e9:.2f} GFLOP forward; matmul {rate:.0f} GFLOP/s"
      )
      for name, function, work in (
        ("forward", forward, flops),
        ("forward + backward", _network_step(network), 3 * flops),
      ):
        value = _median_ms(function, images)
        speed = 1e3 * batch / value
        _row(f"{name}, per batch", value)
        print(
          f"    {speed:.1f} images/s, {speed * work / 1e9:.0f} GFLOP/s, "
          f"{speed * work / 1e9 / rate:.0%} of the matmul rate"
        )


def _training() -> None:
  batch, config = _TRAINING_BATCH, TrainingConfig(regime="FS+2D")
  body = BodyModel()
  with_parts, examples = (
    SyntheticExamples(
      body, pose_library.empty(), SyntheticConfig(render_parts=parts)
    )
    for parts in (True, False)
  )
  print(
    f"Training of the learned descent, batch {batch}, no parts:", flush=True
  )
  drawing = _median_ms(with_parts.example_batch, 0, 0, batch)
  _row("making a batch with part maps", drawing)
  making = _median_ms(examples.example_batch, 0, 0, batch)
  _row("making a batch", making, drawing)
  example, step = examples.example_batch(0, 0, batch), tf.constant(0, tf.int64)
  reference = None
  for kind, jit_compile in (("by operations", False), ("by XLA", True)):
    model = weights.load(body, jit_compile=jit_compile)
    train = make_train_step(
      model,
      make_optimizer(config),
      config,
      SupervisedConfig(),
      model.config.num_stages,
      tf.distribute.get_strategy(),
      "none",
    )
    begin = time.perf_counter()
    train(example, step)
    _row(f"a step {kind}, first call", 1e3 * (time.perf_counter() - begin))
    value = _median_ms(train, example, step)
    _row(f"a step {kind}, further calls", value, reference)
    print(
      f"    {1e3 * batch / (value + making):.0f} examples/s with its making"
    )
    reference = value


def _detection() -> None:
  numbers, photo = (1, 5, 20), load_photo(demo_photo())
  detector = PeopleDetector()
  columns = [
    detection_speed.compare(detector, photo, number, _to_config().repeats)
    for number in numbers
  ]
  print(
    f"Detection, {detection_speed.TILE} pixels a person, medians, in batches "
    "and crop by crop:\n"
  )
  print(detection_speed.table(columns, numbers))
  tile = detection_speed.crowd(photo, 1)
  photos = [tile] * _BATCH
  print(f"\n{_BATCH} photos of one person:")
  alone = _median_ms(lambda: [detector.detect(tile) for _ in photos])
  _row("one by one", alone)
  together = _median_ms(detector.detect_photos, photos, [None] * _BATCH)
  _row("together", together, alone)


def _retargeting() -> None:
  model = BodyModel()
  library = synthetic_flags.to_poses(model.pose_prior, split="held_out")
  source = "held-out motion capture" if len(library.up) else "the pose prior"
  count = _to_config().people
  people = accuracy.people(model, library, count)
  print(
    f"Retargeting, {count} people with poses of {source}, mean / 95th "
    "percentile:",
    flush=True,
  )
  rows = accuracy.measure(model, people, accuracy.targets(model))
  print(accuracy.table(rows))


def _video() -> None:
  photo = load_photo(demo_photo())
  found = speed.measure(photo, _to_config().repeats)
  print("A frame of one person at 1280 x 720, against a photo like it:")
  for name, seconds in found.items():
    _row(name, 1e3 * seconds)
  whole = sum(found[name] for name in ("seeing", "one body", "drawing"))
  _row("all of a frame", 1e3 * whole, 1e3 * found["photo"])
  print(f"  {1.0 / whole:.1f} frames/s")


def main(argv: Sequence[str]) -> int:
  if len(argv) > 1:
    print(f"unknown arguments {argv[1:]}; see --help", file=sys.stderr)
    return 1
  parts = _to_config().benchmarks
  if "bodies" in parts:
    model = BodyModel()
    _renderer(model)
    _body(model)
    _objective(model)
  if "descents" in parts:
    _descents()
  if "detection" in parts:
    _detection()
  if "networks" in parts:
    _networks()
  if "parts" in parts:
    _parts()
  if "training" in parts:
    _training()
  if "video" in parts:
    _video()
  if "retargeting" in parts:
    try:
      _retargeting()
    except ValueError as error:
      print(error, file=sys.stderr)
      return 1
  return 0


if __name__ == "__main__":
  program.run(main)
