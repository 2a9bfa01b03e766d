"""The multitask network on annotated photos, and as a maker of features."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf.compat import tf
from hund_tf.datasets.coco import (
  COCO_INDICES,
  FOOT_INDICES,
  CocoPerson,
)
from hund_tf.detection import features as landmark_features
from hund_tf.detection.interface import Detection
from hund_tf.detection.network_features import FeatureMaker
from hund_tf.evaluation import photos_2d
from hund_tf.evaluation.pck import correct_keypoints
from hund_tf.geometry import camera
from hund_tf.losses.heatmaps import decode_heatmaps, target_from_features
from hund_tf.models.multitask.mirror_average import MapNetwork
from hund_tf.photos.people import SeenPhoto
from hund_tf.reconstruction.methods import Method
from hund_tf.reconstruction.reconstructor import Person, Reconstructor
from hund_tf.types import CROP_SIZE, NUM_KEYPOINTS, Intrinsics

_JOINTS = np.array(COCO_INDICES + FOOT_INDICES)
_VISIBLE = 2
_LEAST_JOINTS = 6  # as in `photos_2d`
_LEAST_HEIGHT = 60.0  # pixels

LoadPhoto = Callable[[Path], np.ndarray]  # to [H, W, 3] uint8 RGB


class OwnScore(NamedTuple):
  """Keypoints of K on annotated photos."""

  people: int
  joints: int  # annotated and visible
  correct: int  # within 0.1 of the larger box side

  @property
  def pck(self) -> float:
    """Fraction in [0, 1]; NaN without joints."""
    return self.correct / self.joints if self.joints else float("nan")


class FeatureScore(NamedTuple):
  """Reconstructions from one kind of features."""

  people: int
  found: int
  joints: int  # of the people that were found
  pck: float  # of the reprojected bodies
  objective: float  # mean L_u of what was descended
  objective_landmarks: float  # mean L_u of the landmarks' features


def _visible(person: CocoPerson) -> np.ndarray:
  return person.visibility[_JOINTS] >= _VISIBLE


def own_keypoints(
  network: MapNetwork,
  people: Iterable[CocoPerson],
  load_photo: LoadPhoto,
) -> OwnScore:
  """Scores K of crops around annotated boxes.

  Args:
    network: with its weights.
    people: annotated, of any photos; small and mostly hidden ones are left out
      as in `photos_2d`.
    load_photo: reads a photo.
  """
  side = network.config.input_size
  counts = [0, 0, 0]
  for person in people:
    visible = _visible(person)
    if visible.sum() < _LEAST_JOINTS or person.box[3] < _LEAST_HEIGHT:
      continue
    nothing = np.zeros([NUM_KEYPOINTS, 3], np.float32)
    box = landmark_features.crop_box(Detection(person.box, 1.0, nothing))
    crop = landmark_features.crop_image(load_photo(person.image), box, side)
    output = network(tf.constant(crop[None] / np.float32(255.0)))
    places = decode_heatmaps(output.heatmaps)[0].numpy()
    places = places * (box[2] / CROP_SIZE) + box[:2]
    right = correct_keypoints(
      places[:, _JOINTS],
      person.keypoints[_JOINTS][None],
      visible[None],
      person.box[None],
    )
    for i, count in enumerate((1, visible.sum(), right.sum())):
      counts[i] += int(count)
  return OwnScore(*counts)


def score_features(
  method: Method,
  features: FeatureMaker,
  people: Sequence[CocoPerson],
  find: Callable[[Path], SeenPhoto],
) -> FeatureScore:
  """Reconstructs the people of annotated photos from some features.

  Args:
    method: that reconstructs.
    features: what it reads.
    people: annotated.
    find: from a photo's path to who is seen in it; a `Finder`.
  """
  reconstruct = Reconstructor(method, features=features)
  objectives = defaultdict(list)

  def judged(detections, lens: Intrinsics, image) -> list[Person]:
    found = reconstruct(detections, lens, image)
    for person in found:
      objectives["own"].append(float(person.trace.terms.total[-1]))
      objectives["landmarks"].append(_landmark_objective(method, person, lens))
    return found

  scores = photos_2d.evaluate_photos(people, find, judged)
  found = [score for score in scores if score.found]
  return FeatureScore(
    people=len(scores),
    found=len(found),
    joints=sum(score.joints for score in found),
    pck=photos_2d.mean_pck(scores),
    objective=float(np.mean(objectives["own"])),
    objective_landmarks=float(np.mean(objectives["landmarks"])),
  )


def _landmark_objective(
  method: Method, person: Person, lens: Intrinsics
) -> float:
  """L_u of a person under the features of landmarks and mask."""
  features = landmark_features.image_features(
    [person.detection], [person.crop_box]
  )
  crop_lens = camera.crop_intrinsics(
    Intrinsics(*(np.asarray(x)[None] for x in lens)),
    tf.constant(person.crop_box[None]),
  )
  state = tf.nest.map_structure(lambda x: tf.constant(x[None]), person.state)
  terms = method.objective(state, target_from_features(features), crop_lens)
  return float(terms.total[0])
