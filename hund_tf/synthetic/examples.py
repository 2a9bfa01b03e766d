"""Synthetic training examples: a pure function of a seed and a step.

A body is sampled, photographed and detected with the errors of detectors. No
example is ever stored, and a run resumes bit for bit from its step alone.
"""

import time
from collections.abc import Iterator

from hund_tf.body.landmarks_3d import ROOTS, viewed_landmarks
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.geometry import camera
from hund_tf.losses.heatmaps import render_heatmaps
from hund_tf.motion.pose_library import PoseLibrary
from hund_tf.rendering.part_maps import PartMapDrawer
from hund_tf.synthetic import (
  detector_noise,
  keypoint_noise,
  landmark_noise,
  mask_noise,
  pose_sets,
  scenes,
  solids,
  supports,
)
from hund_tf.synthetic.example_config import SyntheticConfig
from hund_tf.synthetic.pose_sets import PoseSets
from hund_tf.types import (
  CROP_SIZE,
  MAP_SIZE,
  NUM_PARTS,
  UNSEEN_BACKGROUND,
  ImageFeatures,
  Intrinsics,
  Landmarks3D,
  SupervisionWeights,
  TrainingExample,
)

_MIN_SIDE = 8.0  # pixels of the photo
# Added to the seed of the errors of 3D landmarks, whose stream is their own.
_STREAM_2D = 0x2D
_STREAM_3D = 0x3D
_SET_BATCH = 32
# Deviations of the pose prior: latents of rarer poses are not for learning.
_LIKELY = 4.0
_MISTAKEN_PARTS = 1 / 3  # of people whose mendable errors are in B


class SyntheticExamples(tf.Module):
  """Generator of `TrainingExample` batches."""

  def __init__(
    self,
    body_model: BodyModel,
    poses: PoseLibrary,
    config: SyntheticConfig | None = None,
    sets: PoseSets | None = None,
  ):
    """Prepares the generator.

    Args:
      body_model: the body. Where there are GPUs build it under
        `tf.device("CPU:0")` to use `dataset`.
      poses: captured body poses; an empty library samples the flow only.
      config: distributions.
      sets: draws people of the named sets; by default those of training,
        if a share of people are of them.
    """
    super().__init__(name="synthetic_examples")
    self.body_model = body_model
    self.config = config or SyntheticConfig()
    self._poses = poses
    if sets is None and self.config.pose_set_share:
      sets = PoseSets(body_model, held_out=False, loose=True)
    self._pose_sets = sets
    self._vertex_parts = body_model.part_labels(self.config.mesh)
    self._draw_parts = PartMapDrawer(
      *solids.add_to_mesh(
        body_model.faces(self.config.mesh),
        self._vertex_parts,
        supports.COUNT if sets else 0,
      )
    )
    self._traced = tf.function(self._example_batch, autograph=False)

  def example_batch(
    self,
    seed: int | tf.Tensor,
    step: int | tf.Tensor,
    batch_size: int,
    pose_set: int | tf.Tensor = -1,
  ) -> TrainingExample:
    """The batch of a step, the same whenever it is asked for.

    Args:
      seed: of the run.
      step: number of the batch, from 0.
      batch_size: B.
      pose_set: number in `pose_sets.NAMES` of the set that all people are of;
        -1: as `pose_set_share` says.

    Returns:
      B examples with static shapes; supervision weights are 1, but for the
      latents of very rare poses; keypoints and their weights are the truth
      inside the photo, the features have the detector's errors.
    """
    seed = tf.convert_to_tensor(seed, tf.int64)
    step = tf.convert_to_tensor(step, tf.int64)
    pose_set = tf.convert_to_tensor(pose_set, tf.int32)
    return self._traced(seed, step, batch_size, pose_set)

  def of_set(
    self, seed: int, name: str, count: int
  ) -> Iterator[TrainingExample]:
    """Batches of `count` people of a named set, rounded up to whole batches.

    Args:
      seed: of the batches; other sets have others of the same seed.
      name: of the set.
      count: of people.
    """
    number = pose_sets.NAMES.index(name)
    for batch in range(-(-count // _SET_BATCH)):
      step = batch * len(pose_sets.NAMES) + number
      yield self.example_batch(seed, step, _SET_BATCH, number)

  def dataset(
    self, seed: int, first_step: int, batch_size: int, workers: int = 2
  ) -> tf.data.Dataset:
    """Endless batches from `first_step` on, made ahead in parallel.

    Raises:
      ValueError: if the body model lies on a GPU, where tf.data cannot use it.
    """
    for variable in self.body_model.variables:
      if "GPU" in variable.device:
        raise ValueError(
          f"body_model: {variable.name} lies on {variable.device}; build it "
          'under tf.device("CPU:0")'
        )
    steps = tf.data.Dataset.counter(start=first_step)
    batches = steps.map(
      lambda step: self.example_batch(seed, step, batch_size),
      num_parallel_calls=workers,
      deterministic=True,
    )
    return batches.prefetch(workers)

  def _example_batch(self, seed, step, batch_size, pose_set) -> TrainingExample:
    config = self.config
    draws, set_draws = Draws(seed, step), Draws(seed + pose_sets.STREAM, step)
    people = None
    if self._pose_sets:
      share = config.pose_set_share
      which = pose_sets.choose(set_draws, batch_size, share, pose_set)
      people = self._pose_sets.sample(set_draws, which)
    scene = scenes.sample_scene(
      draws,
      self.body_model,
      self._poses,
      batch_size,
      config.scene,
      config.mesh,
      people,
    )
    things = solids.none(batch_size)
    if people is not None:
      things = supports.place(
        set_draws, people, scene.body.vertices, self._vertex_parts
      )
    silhouette = camera.project(scene.body.vertices, scene.intrinsics)
    # Errors are drawn in units of the visible person.
    middle, size = _visible_extent(scene.keypoints, scene.inside)

    def in_person_units(points):
      return (points - middle[:, None]) / size[:, None]

    occluder = detector_noise.rectangles(draws, batch_size, config.noise)
    true = in_person_units(scene.keypoints)
    hidden = tf.maximum(
      detector_noise.hidden_keypoints(
        true,
        scene.body.keypoints[..., 2],
        in_person_units(silhouette),
        scene.body.vertices[..., 2],
      ),
      detector_noise.within(true, occluder),
    )
    outlined = tf.ones(silhouette.shape[:2])
    if people is not None:
      hidden = tf.maximum(
        hidden, supports.hidden(people, things, scene.body.keypoints)
      )
      outlined = 1.0 - solids.hides(things, scene.body.vertices)
    knowledge, worse_keypoints, worse_parts = None, 1.0, None
    if config.mendable_errors != 1.0:
      knowledge = self._part_knowledge(draws, batch_size)
      full = knowledge[:, 1:2] > 0.0
      in_parts = draws.happens([batch_size, 1], _MISTAKEN_PARTS)
      worse_keypoints = tf.where(full & ~in_parts, config.mendable_errors, 1.0)
      worse_parts = tf.where(full & in_parts, config.mendable_errors, 0.0)
    inside, measured = scene.inside, None
    if config.noise.measured_keypoints:
      photo = tf.stack(
        [tf.zeros_like(scene.photo_size), scene.photo_size], axis=1
      )
      measured = keypoint_noise.draw(
        Draws(seed + _STREAM_2D, step),
        true,
        hidden,
        tf.reshape(in_person_units(photo), [batch_size, 4]),
        config.noise.scale * config.noise.measured_keypoints,
      )
      inside = tf.where(measured.rows(), 1.0, inside)
    points, confidence, swapped = detector_noise.corrupt_keypoints(
      draws, true, hidden, config.noise, worse_keypoints, measured
    )
    sees_3d = tf.ones([batch_size, 1])
    if config.annotated:
      known = draws.happens([batch_size, 1], config.annotated)
      sees_3d = 1.0 - tf.cast(known, tf.float32)
      points = tf.where(known[..., None], true, points)
      confidence = tf.where(known, tf.ones_like(confidence), confidence)
      swapped &= ~known[:, 0]
    points = points * size[:, None] + middle[:, None]
    # What lies outside the photo is not reported, wherever it is taken to be.
    confidence *= inside * scenes.inside_photo(points, scene.photo_size)
    box = self._box(draws, points, confidence, silhouette, outlined, scene)

    def in_crop(points):
      return (points - box[:, None, :2]) * (CROP_SIZE / box[:, None, 2:])

    intrinsics = camera.crop_intrinsics(scene.intrinsics, box)
    landmarks_3d = self._landmarks_3d(
      Draws(seed + _STREAM_3D, step),
      viewed_landmarks(scene.body.keypoints, intrinsics),
      tf.maximum(hidden, 1.0 - scene.inside),
      confidence * sees_3d,
    )
    points = in_crop(points)
    confidence *= _inside_crop(points)
    occluder = occluder * tf.tile(size, [1, 4]) + tf.tile(middle, [1, 2])
    part_probs, part_weights = self._parts(
      draws,
      scene,
      things,
      intrinsics,
      box,
      occluder,
      swapped,
      knowledge,
      worse_parts,
    )
    ones = tf.ones([batch_size])
    furthest = tf.reduce_max(tf.abs(scene.state.body_pose), axis=-1)
    likely = tf.cast(furthest <= _LIKELY, tf.float32)
    return TrainingExample(
      features=ImageFeatures(
        heatmaps=render_heatmaps(points, confidence),
        heatmap_weights=confidence,
        part_probs=part_probs,
        part_weights=part_weights,
        features=tf.zeros([batch_size, MAP_SIZE, MAP_SIZE, 0]),
        **landmarks_3d._asdict(),
      ),
      image=tf.zeros([batch_size, 0, 0, 4]),
      intrinsics=intrinsics,
      state=scene.state,
      vertices=scene.body.vertices,
      joints=scene.body.joints,
      keypoints=in_crop(scene.keypoints),
      keypoint_weights=scene.inside,
      weights=SupervisionWeights(ones, ones, ones, ones, latents=likely),
    )

  def _landmarks_3d(self, draws, truth, hidden, confidence) -> Landmarks3D:
    """3D landmarks as seen; of faces and hands that are found in the photo."""
    points, weights = landmark_noise.corrupt_landmarks(
      draws, truth, hidden, self.config.noise
    )
    found = [
      tf.broadcast_to(
        tf.reduce_max(confidence[:, rows], axis=1, keepdims=True),
        tf.shape(confidence[:, rows]),
      )
      for rows, _ in ROOTS
    ]
    known = tf.cast(tf.concat(found, axis=1) > 0.0, tf.float32)
    return Landmarks3D(points * known[..., None], weights * known)

  def _box(
    self, draws, points, confidence, silhouette, outlined, scene
  ) -> tf.Tensor:
    """Square crops `[B, 4]` around what was detected, in photo pixels."""
    config, batch = self.config, points.shape[0]
    known = tf.cast(confidence > 0.0, tf.float32)
    enough = tf.reduce_sum(known, axis=-1, keepdims=True) >= 4.0
    points = tf.where(enough[..., None], points, scene.keypoints)
    known = tf.where(enough, known, scene.inside)
    low, high = _extent(points, known)
    limit = scene.photo_size[:, None]
    outline = tf.clip_by_value(silhouette, 0.0, limit)
    as_mask = draws.happens([batch, 1], config.box_from_mask)
    mask_low, mask_high = _extent(outline, outlined)
    low = tf.where(as_mask, tf.minimum(low, mask_low), low)
    high = tf.where(as_mask, tf.maximum(high, mask_high), high)
    return config.jitter.draw_around(draws, low, high)

  def _part_knowledge(self, draws: Draws, batch: int) -> tf.Tensor:
    """What is known of B, `[B, 16]`."""
    return mask_noise.part_knowledge(
      draws, batch, self.config.full_parts, self.config.no_parts
    )

  def _parts(
    self,
    draws,
    scene,
    things: solids.Boxes,
    intrinsics: Intrinsics,
    box,
    occluder,
    swapped,
    weights,
    mistakes,
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """B `[B, 60, 60, 15]` as detected, and its weights `[B, 16]`."""
    config, batch = self.config, box.shape[0]
    if not config.render_parts:
      return (
        tf.zeros([batch, MAP_SIZE, MAP_SIZE, NUM_PARTS]),
        tf.zeros([batch, NUM_PARTS + 1]),
      )
    on_map = camera.scale_intrinsics(intrinsics, MAP_SIZE / CROP_SIZE)
    vertices = scene.body.vertices
    if self._pose_sets:
      vertices = tf.concat([vertices, solids.mesh_vertices(things)], axis=1)
    pixels, depth = camera.project(vertices, on_map), vertices[..., 2:]
    drawn = tf.numpy_function(
      self._draw_parts, [tf.concat([pixels, depth], axis=-1)], tf.float32
    )
    drawn.set_shape([batch, MAP_SIZE, MAP_SIZE, NUM_PARTS + 1])

    def on_crop(points):  # photo pixels [B, 2] -> sides of the crop
      return (points - box[:, :2]) / box[:, 2:]

    photo = mask_noise.rectangle_map(
      on_crop(tf.zeros([batch, 2])), on_crop(scene.photo_size)
    )
    hiding = mask_noise.rectangle_map(
      on_crop(occluder[:, :2]), on_crop(occluder[:, 2:])
    )
    seen = drawn[..., 1:NUM_PARTS] * photo * (1.0 - hiding)
    alpha = drawn[..., NUM_PARTS:] * photo * (1.0 - hiding)
    truth = tf.concat([1.0 - alpha, seen], axis=-1)
    foreground = photo * mask_noise.corrupt_foreground(
      draws, alpha, config.noise
    )
    maps = mask_noise.corrupt_parts(
      draws, truth, foreground, swapped, config.noise
    )
    if weights is None:
      weights = self._part_knowledge(draws, batch)
    if mistakes is not None:
      maps = mask_noise.mistake_parts(draws, maps, mistakes)
    # A mask alone says nothing beyond the border, and nothing of the parts.
    unseen = UNSEEN_BACKGROUND * (1.0 - photo)
    mask = 1.0 - foreground - unseen
    only_mask = tf.pad(mask, [[0, 0], [0, 0], [0, 0], [0, NUM_PARTS - 1]])
    full = weights[:, None, None, 1:2] > 0.0
    known = weights[:, None, None, :1]
    return tf.where(full, maps, only_mask) * known, weights


def _inside_crop(points: tf.Tensor) -> tf.Tensor:
  """1 for points `[B, N, 2]` of the crop inside it, `[B, N]`."""
  inside = (points >= 0.0) & (points < float(CROP_SIZE))
  return tf.cast(tf.reduce_all(inside, axis=-1), tf.float32)


def _extent(
  points: tf.Tensor, weights: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Least and greatest coordinates `[B, 2]` of points with weight > 0."""
  known = weights[..., None] > 0.0
  low = tf.reduce_min(tf.where(known, points, points.dtype.max), axis=1)
  high = tf.reduce_max(tf.where(known, points, points.dtype.min), axis=1)
  return low, high


def _visible_extent(
  points: tf.Tensor, inside: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Middle `[B, 2]` and larger side `[B, 1]` of the keypoints in the photo."""
  low, high = _extent(points, inside)
  side = tf.reduce_max(high - low, axis=-1, keepdims=True)
  return (low + high) / 2.0, tf.maximum(side, _MIN_SIDE)


def measure_throughput(
  examples: SyntheticExamples, batch_size: int = 32, batches: int = 10
) -> float:
  """Examples per second of `examples.dataset`, after two batches of warm-up."""
  iterator = iter(examples.dataset(seed=0, first_step=0, batch_size=batch_size))
  for _ in range(2):
    next(iterator)
  start = time.perf_counter()
  for _ in range(batches):
    next(iterator)
  return batches * batch_size / (time.perf_counter() - start)
