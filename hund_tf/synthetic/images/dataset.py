"""Shards of synthetic images; each image is a pure function of seed and number.

Every process computes with one thread, so that results do not depend on how
many processes there are.
"""

import dataclasses
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from hund_tf import files, locks, processes
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.extras import load_extra
from hund_tf.motion.pose_library import PoseLibrary
from hund_tf.options import option
from hund_tf.records import schema, shards
from hund_tf.records.schema import PersonRecord
from hund_tf.records.shards import Manifest, ShardInfo
from hund_tf.synthetic.close_ups import CloseUpSampler
from hund_tf.synthetic.images.body_surface import make_body_surface
from hund_tf.synthetic.images.composer import Composer, ImageConfig
from hund_tf.synthetic.images.people import CHUNK, PeopleSampler
from hund_tf.synthetic.pose_sets import NAMES, PoseSets
from hund_tf.synthetic.scenes import SceneConfig

VERSION = 1  # of what is drawn; increased when the same seed draws otherwise


@dataclasses.dataclass(frozen=True)
class DatasetConfig:
  """What is made; the number of processes is no part of it."""

  name: str = "train"  # of the files
  seed: int = option(0, "Seed of the images.", name="image_seed", low=0)
  num_images: int = option(1000, "Number of images to make.", low=1)
  num_shards: int = option(
    4,
    "Files to spread the images over; each is made by one process.",
    name="image_shards",
    low=1,
  )
  pose_set: str = option(
    "",
    "Named set of poses (docs/pose_sets.md) that all people are of, on their "
    "seats and behind their desks; without it people are of no set.",
    choices=("", *NAMES),
  )
  close_ups: float = option(
    0.0,
    "Share of images that show people close to the camera, with raised hands "
    "and vivid faces.",
    name="image_close_ups",
    low=0.0,
    high=1.0,
  )
  held_out: bool = False  # whether people of a set, and arms of close-ups, are
  # those of the test set
  scene: SceneConfig = SceneConfig()
  image: ImageConfig = ImageConfig()
  photos: tuple[str, ...] = ()  # paths of backgrounds; none: procedural ones

  def __post_init__(self):
    if not 1 <= self.num_shards <= self.num_images:
      raise ValueError(
        f"{self.num_shards} shards of {self.num_images} images: expected at "
        "least one image in each shard"
      )
    if self.pose_set and self.close_ups:
      raise ValueError(
        f"close_ups: got {self.close_ups} with the pose set {self.pose_set!r}, "
        "expected 0"
      )

  def images_of_shard(self, index: int) -> range:
    """Numbers of the images in a shard."""
    bounds = [
      self.num_images * k // self.num_shards for k in (index, index + 1)
    ]
    return range(*bounds)

  def settings(self, poses: PoseLibrary) -> dict:
    """All that the images depend on, for `shards.settings_digest`."""
    digest = hashlib.sha256(np.ascontiguousarray(poses.latents).tobytes())
    digest.update(np.ascontiguousarray(poses.up).tobytes())
    settings = dataclasses.asdict(self)
    # Without sets and close-ups, images are the same as ever.
    for name in ("pose_set", "close_ups"):
      if not settings[name]:
        del settings[name]
    if not self.pose_set and not self.close_ups:
      del settings["held_out"]
    return settings | {
      "poses": digest.hexdigest()[:16],
      "version": VERSION,
      "schema": schema.SCHEMA_VERSION,
    }


class ShardResult(NamedTuple):
  """A shard that was made."""

  info: ShardInfo
  cpu_seconds: float


def use_one_thread() -> None:
  """Makes TensorFlow, OpenCV and numpy compute with one thread in this process.

  Raises:
    RuntimeError: if TensorFlow has computed before.
  """
  tf.config.threading.set_intra_op_parallelism_threads(1)
  tf.config.threading.set_inter_op_parallelism_threads(1)
  cv2.setNumThreads(1)
  threadpoolctl = load_extra("threadpoolctl", "train")
  threadpoolctl.threadpool_limits(1, user_api="blas")


class ImageMaker:
  """Makes any of the images."""

  def __init__(
    self, body_model: BodyModel, poses: PoseLibrary, config: DatasetConfig
  ):
    """Prepares the maker.

    Args:
      body_model: poses the people; it must lie on the CPU.
      poses: captured poses; if empty, all come from the pose prior.
      config: what is made.
    """
    self._config = config
    sets = None
    if config.pose_set:
      sets = PoseSets(body_model, config.held_out)
    close_ups = None
    if config.close_ups:
      close_ups = CloseUpSampler(body_model, config.held_out)
    self._sampler = PeopleSampler(
      body_model,
      poses,
      config.scene,
      sets,
      config.pose_set,
      close_ups,
      config.close_ups,
    )
    self._composer = Composer(
      make_body_surface(body_model),
      body_model.mesh_ids(schema.MESH),
      config.image,
      config.photos,
    )

  def records(self, numbers: range) -> Iterator[PersonRecord]:
    """The images of these numbers.

    Raises:
      ValueError: if a background photo cannot be read.
    """
    config, chunk, people = self._config, -1, []
    for number in numbers:
      if number // CHUNK != chunk:
        chunk = number // CHUNK
        people = self._sampler.sample(config.seed, chunk)
      yield self._composer.compose(
        np.random.default_rng([config.seed, number]),
        people,
        number % CHUNK,
        key=f"{config.name}-{config.seed}-{number:08d}",
        frame=number,
      )


def make_dataset(
  folder: Path, poses: PoseLibrary, config: DatasetConfig, workers: int = 1
) -> Iterator[ShardResult | Manifest]:
  """Makes the shards that are not there yet, and then the manifest.

  Args:
    folder: where the files go.
    poses: captured poses; if empty, all come from the pose prior.
    config: what is made.
    workers: processes; with one, this process works alone.

  Yields:
    A result for each shard when it is done, at once for those that were there
    (with 0 seconds), and the manifest at the end.

  Raises:
    ValueError: if an image cannot be made or a file cannot be written.
  """
  with locks.only_writer(folder, config.name):
    settings = config.settings(poses)
    digest = shards.settings_digest(settings)
    number = config.num_shards
    paths = [
      shards.shard_path(folder, config.name, i, number) for i in range(number)
    ]
    unfinished = f"{config.name}-?????-of-?????*"
    files.remove_unfinished(folder, unfinished)
    infos = {i: shards.finished(path, digest) for i, path in enumerate(paths)}
    for info in infos.values():
      if info is not None:
        yield ShardResult(info, 0.0)
    missing = [i for i, info in infos.items() if info is None]
    jobs = [(paths[i], config.images_of_shard(i), digest) for i in missing]
    try:
      for i, result in _made(jobs, poses, config, workers):
        infos[missing[i]] = result.info
        yield result
    finally:
      files.remove_unfinished(folder, unfinished)
    yield shards.write_manifest(
      folder, config.name, [infos[i] for i in range(number)], settings
    )


def _made(jobs, poses, config, workers) -> Iterator[tuple[int, ShardResult]]:
  """Number and result of each job, as they are done."""
  if workers > 1:
    args = poses, config
    yield from processes.run(_make_shard, jobs, workers, _start, args)
    return
  if jobs:
    _start(poses, config)
  for i, job in enumerate(jobs):
    yield i, _make_shard(job)


_maker: ImageMaker | None = None  # of this process


def _start(poses: PoseLibrary, config: DatasetConfig) -> None:
  """Prepares a process."""
  global _maker
  use_one_thread()
  with tf.device("CPU:0"):
    _maker = ImageMaker(BodyModel(), poses, config)


def _make_shard(job: tuple[Path, range, str]) -> ShardResult:
  path, numbers, digest = job
  start = time.process_time()
  info = shards.write_shard(path, _maker.records(numbers), digest)
  return ShardResult(info, time.process_time() - start)
