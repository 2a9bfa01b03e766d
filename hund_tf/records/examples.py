"""Person records as what the learned descent is trained on."""

import dataclasses
from typing import NamedTuple

from hund_tf.body import keypoints as keypoint_table
from hund_tf.body import parts
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.geometry import camera
from hund_tf.losses.heatmaps import render_heatmaps
from hund_tf.options import check, option
from hund_tf.records import contents, part_maps, schema
from hund_tf.records import crop_augmentation as augment
from hund_tf.records.crop_jitter import NO_JITTER, CropJitter
from hund_tf.types import (
  CROP_SIZE,
  MAP_SIZE,
  NUM_PARTS,
  ImageFeatures,
  Intrinsics,
  SupervisionWeights,
  TrainingExample,
  state_from_vector,
)

FEATURE_SOURCES = ("detected", "annotated", "either")


@dataclasses.dataclass(frozen=True)
class ExampleConfig:
  """How crops are taken and what the features are made of.

  `detected` makes K of the detected keypoints and B of the mask, `annotated`
  makes them of the annotated keypoints and part labels. `either` takes what was
  detected, and what is annotated of people of whom nothing was, but not in
  self-supervised batches.
  """

  features_from: str = option(
    "either",
    "What K and B of records are made of: 'detected' (detected keypoints and "
    "mask), 'annotated' (annotated keypoints and part labels), or 'either': "
    "detected, and annotated where nothing was, but never in self-supervised "
    "batches.",
    choices=FEATURE_SOURCES,
  )
  jitter: CropJitter = CropJitter()
  # The latents of a known body have no mirror image.
  flip: float = option(
    0.0,
    "Share of mirrored people among those whose body is unknown.",
    name="record_flip",
    low=0.0,
    high=1.0,
  )

  def __post_init__(self):
    check(self)

  def without_jitter(self) -> "ExampleConfig":
    """The same with crops as detection takes them, to measure on."""
    return dataclasses.replace(self, jitter=NO_JITTER, flip=0.0)


class _Person(NamedTuple):
  """A record in its crop, without a batch dimension."""

  intrinsics: tf.Tensor  # [4] fx, fy, cx, cy, crop pixels
  features: tf.Tensor  # [137, 3] x, y, weight; crop pixels, of K
  landmarks_3d: tf.Tensor  # [137, 4] x, y, z (metres), weight
  keypoints: tf.Tensor  # [137, 3] x, y, weight; crop pixels, annotated
  part_probs: tf.Tensor  # [60, 60, 15]
  part_weights: tf.Tensor  # [16]
  state: tf.Tensor  # [204]
  state_weight: tf.Tensor  # []
  joints: tf.Tensor  # [63, 3]
  vertices: tf.Tensor  # [V, 3]
  vertex_weight: tf.Tensor  # []
  # [S, S, 4] RGB in [0, 1], 1 in the photo; S = 0 where none is asked for
  image: tf.Tensor


class RecordExamples:
  """Makes `TrainingExample` batches of serialized records."""

  def __init__(
    self,
    config: ExampleConfig,
    num_vertices: int,
    seed: int = 0,
    image_size: int = 0,
  ):
    """Keeps the settings.

    Args:
      config: of crops and features.
      num_vertices: of `schema.MESH`.
      seed: of the jitter of the crops.
      image_size: side S of the pictures of the crops, for models that make the
        features themselves; 0 makes none.
    """
    self._config = config
    self._num_vertices, self._seed = num_vertices, seed
    self._image_size = image_size

  def check(self, serialized: bytes) -> None:
    """Looks whether a stored record can be made an example.

    Raises:
      ValueError: see `contents.check`.
    """
    contents.check(serialized, self._num_vertices, self._image_size > 0)

  def __call__(
    self,
    serialized: tf.Tensor,
    positions: tf.Tensor,
    annotations: bool | tf.Tensor = True,
  ) -> TrainingExample:
    """A batch of examples.

    What is known of a record has supervision weight 1: L_u if K or B has
    anything, annotated keypoints, the state and what follows from it by the
    record's own weight.

    Args:
      serialized: `[B]` strings.
      positions: `[B]` int64, what the jitter of each depends on.
      annotations: whether `either` may take annotations; false for
        self-supervised batches, which must not see any.

    Returns:
      B examples; F has no channels.
    """
    allowed = tf.convert_to_tensor(annotations)
    people = tf.map_fn(
      lambda pair: self._person(pair[0], pair[1], allowed),
      (serialized, positions),
      fn_output_signature=self._signature(),
    )
    batch = people.features.shape[0]
    confidence = people.features[..., 2]
    seen = tf.reduce_max(confidence, axis=1) + tf.reduce_max(
      people.part_weights, axis=1
    )
    annotated = tf.reduce_max(people.keypoints[..., 2], axis=1)
    return TrainingExample(
      features=ImageFeatures(
        heatmaps=render_heatmaps(people.features[..., :2], confidence),
        heatmap_weights=confidence,
        part_probs=people.part_probs,
        part_weights=people.part_weights,
        features=tf.zeros([batch, MAP_SIZE, MAP_SIZE, 0]),
        landmarks_3d=people.landmarks_3d[..., :3],
        landmark_3d_weights=people.landmarks_3d[..., 3],
      ),
      image=people.image,
      intrinsics=Intrinsics(people.intrinsics[:, :2], people.intrinsics[:, 2:]),
      state=state_from_vector(people.state),
      vertices=people.vertices,
      joints=people.joints,
      keypoints=people.keypoints[..., :2],
      keypoint_weights=people.keypoints[..., 2],
      weights=SupervisionWeights(
        alignment=_is_positive(seen),
        keypoints=_is_positive(annotated),
        vertices=people.vertex_weight,
        joints=people.state_weight,
        latents=people.state_weight,
      ),
    )

  def _signature(self) -> _Person:
    keypoints = [len(keypoint_table.NAMES), 3]
    shapes = _Person(
      intrinsics=[4],
      features=keypoints,
      landmarks_3d=[len(keypoint_table.NAMES), 4],
      keypoints=keypoints,
      part_probs=[MAP_SIZE, MAP_SIZE, NUM_PARTS],
      part_weights=[NUM_PARTS + 1],
      state=list(schema.PersonRecord("", "").state.shape),
      state_weight=[],
      joints=list(schema.PersonRecord("", "").body_joints.shape),
      vertices=[self._num_vertices, 3],
      vertex_weight=[],
      image=[self._image_size, self._image_size, 4],
    )
    return _Person(*(tf.TensorSpec(shape, tf.float32) for shape in shapes))

  def _person(
    self, serialized: tf.Tensor, position: tf.Tensor, annotations: tf.Tensor
  ) -> _Person:
    record = schema.parse(serialized)
    draws = Draws(tf.constant(self._seed, tf.int64), position)
    low, size = record["box"][None, :2], record["box"][None, 2:]
    box = self._config.jitter.draw_around(draws, low, low + size)[0]
    detected = _in_crop(record["detected"], box)
    annotated = _in_crop(record["keypoints"], box)
    features, was_detected, part_probs, part_weights = self._features(
      record, detected, annotated, box, annotations
    )
    vertices, has_vertices = self._vertices(record["vertices"])
    weight = record["state_weight"]
    person = _Person(
      intrinsics=_crop_intrinsics(record, box),
      features=features,
      landmarks_3d=record["landmarks_3d"] * was_detected,
      keypoints=annotated,
      part_probs=part_probs,
      part_weights=part_weights,
      state=record["state"],
      state_weight=weight,
      joints=record["body_joints"],
      vertices=vertices,
      vertex_weight=weight * has_vertices,
      image=self._image(record, box),
    )
    if not self._config.flip:
      return person
    mirrored = draws.happens([], self._config.flip) & (weight == 0.0)
    return tf.cond(mirrored, lambda: _mirror(person), lambda: person)

  def _features(self, record, detected, annotated, box, annotations):
    """Keypoints `[137, 3]` of K, whether detected, B and its weights."""
    has_mask = part_maps.has_mask(record)
    was_detected = tf.reduce_any(detected[:, 2] > 0.0) | has_mask
    take_annotated = tf.constant(self._config.features_from == "annotated")
    if self._config.features_from == "either":
      take_annotated = annotations & ~was_detected
    points = tf.where(take_annotated, annotated, detected)
    inside = (points[:, :2] >= 0.0) & (points[:, :2] < float(CROP_SIZE))
    inside = tf.cast(tf.reduce_all(inside, axis=-1), tf.float32)
    points = tf.concat([points[:, :2], (points[:, 2] * inside)[:, None]], -1)
    nothing = (
      tf.zeros([MAP_SIZE, MAP_SIZE, NUM_PARTS]),
      tf.zeros([NUM_PARTS + 1]),
    )

    def of_mask():
      maps = part_maps.mask_map(record["mask"], box)
      return maps, tf.constant(part_maps.MASK_WEIGHTS)

    def of_labels():
      maps = part_maps.label_map(record["part_labels"], box)
      known = record["part_weights"]
      return maps * known[:NUM_PARTS], known

    part_probs, part_weights = tf.cond(
      take_annotated & part_maps.has_labels(record),
      of_labels,
      lambda: tf.cond(~take_annotated & has_mask, of_mask, lambda: nothing),
    )
    kept = tf.cast(~take_annotated, tf.float32)
    return points, kept, part_probs, part_weights

  def _image(self, record: dict, box: tf.Tensor) -> tf.Tensor:
    """The crop `[S, S, 4]` in [0, 1], and where it lies in the photo."""
    side = self._image_size
    if not side:
      return tf.zeros([0, 0, 4])
    image = tf.io.decode_image(
      record["image"], channels=3, expand_animations=False
    )
    image = tf.pad(image, [[0, 0], [0, 0], [0, 1]], constant_values=255)
    crop = augment.upright_crop(box)
    return tf.ensure_shape(
      augment.sample(image, crop, side) / 255.0, [side, side, 4]
    )

  def _vertices(self, stored: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """`[V, 3]`, zero where none are stored, and whether there are `[]`."""
    number, found = self._num_vertices, tf.shape(stored)[0]
    fits = tf.debugging.Assert(
      (found == 0) | (found == number),
      [f"vertices of a record: expected none or {number}, got", found],
    )
    with tf.control_dependencies([fits]):
      vertices = tf.pad(stored, [[0, number - found], [0, 0]])
    there = tf.cast(found > 0, tf.float32)
    return tf.ensure_shape(vertices, [number, 3]), there


def _is_positive(values: tf.Tensor) -> tf.Tensor:
  return tf.cast(values > 0.0, tf.float32)


def _in_crop(points: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
  """Points `[N, 3]` (x, y, weight) of the stored image, in crop pixels."""
  places = (points[:, :2] - box[:2]) * (CROP_SIZE / box[2:])
  return tf.concat([places, points[:, 2:]], axis=-1)


def _crop_intrinsics(record: dict, box: tf.Tensor) -> tf.Tensor:
  """`[4]` fx, fy, cx, cy of the crop (Eq. 1)."""
  stored = record["intrinsics"]
  found = camera.crop_intrinsics(Intrinsics(stored[:2], stored[2:]), box)
  return tf.concat(found, axis=0)


def _mirror(person: _Person) -> _Person:
  """The mirror image of a person whose body is unknown."""

  def points(values: tf.Tensor) -> tf.Tensor:
    values = tf.gather(values, list(keypoint_table.MIRROR))
    x = CROP_SIZE - values[:, :1]
    return tf.concat([x, values[:, 1:]], axis=-1)

  fx, fy, cx, cy = tf.unstack(person.intrinsics)
  order = list(parts.MIRROR)
  return person._replace(
    intrinsics=tf.stack([fx, fy, CROP_SIZE - cx, cy]),
    features=points(person.features),
    landmarks_3d=tf.gather(
      person.landmarks_3d * [-1.0, 1.0, 1.0, 1.0], list(keypoint_table.MIRROR)
    ),
    keypoints=points(person.keypoints),
    part_probs=tf.gather(tf.reverse(person.part_probs, [1]), order, axis=-1),
    part_weights=tf.gather(person.part_weights, [*order, NUM_PARTS]),
    image=tf.reverse(person.image, [1]),
  )
