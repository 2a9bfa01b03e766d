"""What a reconstruction gives of people, and the crops that it is of."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.detection.interface import Detection
from hund_tf.photos.corrections import Correction
from hund_tf.reconstruction.part_results import PartResult
from hund_tf.types import (
  BodyOutput,
  HumanState,
  ImageFeatures,
  Intrinsics,
  RefinementState,
)


class Person(NamedTuple):
  """A reconstructed person; arrays are numpy, with the batch axis removed."""

  detection: Detection
  crop_box: np.ndarray  # [4] square crop, photo pixels
  state: HumanState  # the last state of the trace; if a height was given, the
  # same made so tall
  body: BodyOutput  # full mesh, camera frame of the photo, metres
  keypoints_2d: np.ndarray  # [137, 2] reprojected, photo pixels
  trace: RefinementState  # fields [M+1, ...]
  quality: float | None = None  # in [0, 1]; None where it is not calibrated
  uncertainty: np.ndarray | None = None  # [63] expected error of each joint,
  # millimetres, pelvises together; None where the state is not polished
  height_m: float | None = None  # stature, metres; None: of a licensed body
  height_given: bool = False  # else it is estimated
  parts: tuple[PartResult, ...] = ()  # faces and hands that were asked for
  gaze: np.ndarray | None = None  # [2] as of `FaceState`; None: not known
  steered: "Steered | None" = None  # None: as it was found


class Steered(NamedTuple):
  """What was made of a person by corrections."""

  found: Person  # the person before
  intrinsics: Intrinsics  # of the photo then
  correction: Correction  # all that was corrected so far


class Crops(NamedTuple):
  """Of N people."""

  boxes: Sequence[np.ndarray]  # [4] square, photo pixels
  features: ImageFeatures
  cameras: Intrinsics  # of the photos, fields [N, 2], pixels
  crop_cameras: Intrinsics  # of the crops, fields [N, 2], crop pixels
