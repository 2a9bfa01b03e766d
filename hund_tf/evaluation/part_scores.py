"""Protocol `parts`: whether B at annotated joints is the right limb and side.

At each annotated visible joint the likeliest channel of B must be a part that
meets there, of the same side: at the left elbow the left upper or lower arm.
The torso, which has no side, also counts at shoulders and hips, and the head
at nose, eyes and ears.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints, parts
from hund_tf.datasets.coco import CocoPerson
from hund_tf.detection.features import crop_box
from hund_tf.detection.interface import Detection, empty_keypoints
from hund_tf.detection.network_features import FeatureMaker
from hund_tf.evaluation import figures
from hund_tf.evaluation.figures import Row
from hund_tf.evaluation.landmark_scores import JOINTS, visible_joints
from hund_tf.types import MAP_SIZE

_PARTS = {
  "shoulder": ("torso", "upper_arm"),
  "elbow": ("upper_arm", "lower_arm"),
  "wrist": ("lower_arm", "hand"),
  "hip": ("torso", "upper_leg"),
  "knee": ("upper_leg", "lower_leg"),
  "ankle": ("lower_leg", "foot"),
  "big_toe": ("foot",),
  "small_toe": ("foot",),
  "heel": ("foot",),
}
_GROUPS = {
  "head": ("nose", "eye", "ear"),
  "shoulders and hips": ("shoulder", "hip"),
  "elbows and wrists": ("elbow", "wrist"),
  "knees and ankles": ("knee", "ankle"),
  "feet": ("toe", "heel"),
}


def parts_at(joint: str) -> frozenset[int]:
  """The parts that meet at a joint of `JOINTS`, of its side."""
  side, _, place = joint.partition("_")
  if place not in _PARTS:
    return frozenset([parts.INDEX["head"]])
  return frozenset(
    parts.INDEX[name if name == "torso" else f"{side}_{name}"]
    for name in _PARTS[place]
  )


_RIGHT = [parts_at(keypoints.NAMES[i]) for i in JOINTS]
_OTHER_SIDE = [
  frozenset(parts.MIRROR[part] for part in own) - own for own in _RIGHT
]


class PartsAtJoints(NamedTuple):
  """What B says at the J joints of P people."""

  visible: np.ndarray  # [P, J] annotated, visible and in the crop
  right: np.ndarray  # [P, J] a part of the joint, of its side
  exchanged: np.ndarray  # [P, J] such a part of the other side


def judge(
  part_probs: np.ndarray,
  boxes: np.ndarray,
  points: np.ndarray,
  visible: np.ndarray,
) -> PartsAtJoints:
  """Reads B where joints are.

  Args:
    part_probs: `[P, 60, 60, 15]`, B of the crops.
    boxes: `[P, 4]` square boxes of the crops, pixels.
    points: `[P, J, 2]` annotated joints, pixels.
    visible: `[P, J]` which count.
  """
  places = (points - boxes[:, None, :2]) / boxes[:, None, 2:]
  inside = ((places >= 0.0) & (places < 1.0)).all(-1)
  cells = np.clip((places * MAP_SIZE).astype(int), 0, MAP_SIZE - 1)
  people = np.arange(len(boxes))[:, None]
  labels = np.argmax(part_probs, -1)[people, cells[..., 1], cells[..., 0]]
  visible = np.asarray(visible, bool) & inside

  def among(sets: Sequence[frozenset[int]]) -> np.ndarray:
    wanted = np.zeros([len(sets), len(parts.NAMES)], bool)
    for row, members in zip(wanted, sets, strict=True):
      row[list(members)] = True
    return visible & wanted[np.arange(len(sets)), labels]

  return PartsAtJoints(visible, among(_RIGHT), among(_OTHER_SIDE))


def of_photo(
  image: np.ndarray,
  people: Sequence[CocoPerson],
  detections: Sequence[Detection | None],
  features: FeatureMaker,
) -> PartsAtJoints:
  """Judges B of the crops around annotated people of a photo.

  Args:
    image: `[H, W, 3]` uint8 RGB.
    people: annotated.
    detections: of each in its annotated box; None where nobody is found.
    features: make B.
  """
  seen = [
    Detection(person.box, 0.0, empty_keypoints())
    if detection is None
    else detection._replace(box=person.box)
    for person, detection in zip(people, detections, strict=True)
  ]
  boxes = [crop_box(detection) for detection in seen]
  rows = list(JOINTS)
  return judge(
    features(image, seen, boxes).part_probs.numpy(),
    np.array(boxes),
    np.array([person.keypoints[rows] for person in people]),
    np.array([visible_joints(person) for person in people]),
  )


def joined(photos: Sequence[PartsAtJoints]) -> PartsAtJoints:
  """The people of several photos together."""
  return PartsAtJoints(*map(np.concatenate, zip(*photos, strict=True)))


def summarize(found: PartsAtJoints) -> list[Row]:
  """Shares by joint and over all; errors are over people."""
  rows = []
  everything = {**_GROUPS, "all": ("",)}
  for name, ends in everything.items():
    columns = [
      k for k, i in enumerate(JOINTS) if keypoints.NAMES[i].endswith(ends)
    ]
    counted = found.visible[:, columns].sum(-1)
    if counted.any():
      rows.append(
        Row(
          name,
          {"joints": int(counted.sum())},
          {
            "right": figures.share(found.right[:, columns].sum(-1), counted),
            "other side": figures.share(
              found.exchanged[:, columns].sum(-1), counted
            ),
          },
        )
      )
  return rows
