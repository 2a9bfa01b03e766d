"""A photo in, people in 3D out, all in the camera frame of the photo."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.body import measures
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.detection.features import crop_box
from hund_tf.detection.interface import Detection
from hund_tf.detection.network_features import (
  FeatureMaker,
  Photos,
  landmarks_only,
)
from hund_tf.geometry import camera
from hund_tf.photos.corrections import Correction
from hund_tf.reconstruction import final_states, steering
from hund_tf.reconstruction.final_states import row
from hund_tf.reconstruction.methods import Method
from hund_tf.reconstruction.part_results import PartResult
from hund_tf.reconstruction.parts import Fused, Whole
from hund_tf.reconstruction.polished_end import Uncertainty
from hund_tf.types import (
  AlignmentTerms,
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


def _without_padding(trace: RefinementState) -> RefinementState:
  """One person's trace without the repeats that fill up a batch."""
  last = int(np.argmax(trace.seconds == trace.seconds[-1]))
  return tf.nest.map_structure(lambda x: x[: last + 1], trace)


def _photo_sizes(
  image: Photos | None, count: int
) -> list[tuple[int, int] | None]:
  """Height and width of the photo of each of N people, None if not known."""
  if image is None:
    return [None] * count
  photos = [image] * count if isinstance(image, np.ndarray) else image
  return [photo.shape[:2] for photo in photos]


def _continued(
  trace: RefinementState, rest: RefinementState | None
) -> RefinementState:
  """One person's trace and the rows that come after it."""
  if rest is None:
    return trace
  return tf.nest.map_structure(lambda a, b: np.concatenate([a, b]), trace, rest)


class _Crops(NamedTuple):
  """Of N people."""

  boxes: Sequence[np.ndarray]  # [4] square, photo pixels
  features: ImageFeatures
  cameras: Intrinsics  # of the photos, fields [N, 2], pixels
  crop_cameras: Intrinsics  # of the crops, fields [N, 2], crop pixels


class Reconstructor:
  """Fits the body model to detected people, all in one camera frame."""

  def __init__(
    self,
    method: Method,
    quality: Callable[[ImageFeatures, AlignmentTerms, np.ndarray], np.ndarray]
    | None = None,
    features: FeatureMaker = landmarks_only,
    uncertainty: Uncertainty | None = None,
    parts: Callable[[Whole], list[Fused]] | None = None,
  ):
    """Keeps what makes states of image features, and what judges them.

    Args:
      method: turns the features of crops into traces.
      quality: turns the features, and the terms `[B]` and root rotations
        `[B, 6]` of the last states, into qualities `[B]` in [0, 1]; without it
        people have none.
      features: makes the features of crops; by default of landmarks and masks.
      uncertainty: of a method that polishes: the expected errors of joints.
      parts: reads faces and hands and puts them onto bodies; without it there
        are none.
    """
    self._method = method
    self._quality = quality
    self._features = features
    self._uncertainty = uncertainty
    self._parts = parts

  def __call__(
    self,
    detections: Sequence[Detection],
    intrinsics: Intrinsics,
    image: Photos | None = None,
    heights: Sequence[float | None] = (),
  ) -> list[Person]:
    """Reconstructs the people of one photo, or a person of each of N photos.

    Args:
      detections: N people and their landmarks, photo pixels.
      intrinsics: of the photo, fields `[2]`, pixels; `photo_camera` and
        `default_intrinsics` make them. Fields `[N, 2]`: of each one's photo.
      image: `[H, W, 3]` uint8 RGB, the photo, or a sequence of N of them; only
        features of a network need it.
      heights: statures of the people, metres, None where one is not known;
        empty: of nobody.

    Returns:
      A person for each detection, in the same order.

    Raises:
      ValueError: if there are neither one nor N intrinsics, or heights of a
        body that cannot be made so tall.
    """
    if not detections:
      return []
    boxes = [crop_box(found) for found in detections]
    features = self._features(image, detections, boxes)
    cameras = Intrinsics(
      *(np.broadcast_to(x, [len(boxes), 2]) for x in intrinsics)
    )
    crop_cameras = camera.crop_intrinsics(
      cameras, tf.constant(np.array(boxes, np.float32))
    )
    trace = self._method(features, crop_cameras)
    found = [Fused(())] * len(boxes)
    if self._parts is not None:
      sizes = _photo_sizes(image, len(boxes))
      found = self._parts(
        Whole(detections, sizes, cameras, features, crop_cameras, trace)
      )
    crops = _Crops(boxes, features, cameras, crop_cameras)
    return self._people(detections, crops, trace, found, heights)

  def resume(
    self,
    person: Person,
    before: Intrinsics,
    intrinsics: Intrinsics,
    image: np.ndarray,
    correction: Correction,
    num_stages: int = 0,
  ) -> Person:
    """Steers a person; see `steering`.

    Args:
      person: of this reconstructor or one of the same weights.
      before: intrinsics of the photo as the person was reconstructed.
      intrinsics: of the photo, fields `[2]`, pixels.
      image: `[H, W, 3]` uint8 RGB, the photo.
      correction: what is known better; what was corrected before stays.
      num_stages: that the descent goes on for.

    Returns:
      The person with the trace gone on with.

    Raises:
      ValueError: if the method does not polish.
    """
    if self._uncertainty is None:
      raise ValueError(
        "resume: the method does not polish; people are steered by the learned "
        "descent with its polish: method='hund', polish=True, refine_steps=0"
      )
    earlier = person.steered or Steered(person, before, Correction())
    found = earlier.found
    correction = correction.after(earlier.correction)
    detection = steering.corrected(found.detection, correction)
    box = found.crop_box
    features = self._features(image, [detection], [box])
    cameras = Intrinsics(*(np.asarray(x, np.float32)[None] for x in intrinsics))
    crop_cameras = camera.crop_intrinsics(cameras, box[None])
    earlier_crop = camera.crop_intrinsics(
      tf.nest.map_structure(lambda x: np.asarray(x)[None], earlier.intrinsics),
      box[None],
    )
    before = steering.seen_by(found.trace, earlier_crop, crop_cameras)
    problem = steering.Problem(features, before, crop_cameras, box)
    trace = steering.steer(self._method, problem, correction, num_stages)
    height = correction.height_m
    if height is None and found.height_given:
      height = found.height_m
    (steered,) = self._people(
      [detection],
      _Crops([box], features, cameras, crop_cameras),
      trace,
      [Fused(found.parts, gaze=found.gaze)],
      (height,),
    )
    rest = tf.nest.map_structure(lambda x: x[1:], steered.trace)
    before = row(before, 0)
    rest = rest._replace(seconds=rest.seconds + before.seconds[-1])
    return steered._replace(
      trace=_continued(before, rest),
      quality=found.quality,
      steered=Steered(found, earlier.intrinsics, correction),
    )

  def _people(
    self,
    detections: Sequence[Detection],
    crops: "_Crops",
    trace: RefinementState,
    found: Sequence[Fused],
    heights: Sequence[float | None],
  ) -> list[Person]:
    """The people of traces `[N, ...]`, with their parts and statures."""
    boxes, features, cameras, crop_cameras = crops
    state = tf.nest.map_structure(lambda x: x[:, -1], trace.state)
    errors = self._errors(features, crop_cameras, state, found)
    state = final_states.with_parts(state, found)
    body_model = self._method.objective.body_model
    if any(height is not None for height in heights):
      state = final_states.made_tall(body_model, state, cameras, heights)
    statures = [None] * len(boxes)
    if isinstance(body_model, BodyModel):
      statures = measures.stature(body_model, state.shape).numpy().tolist()
    body = final_states.posed(body_model, state, found)
    pixels = camera.project(body.keypoints, cameras).numpy()
    quality = self._qualities(features, trace)
    return [
      Person(
        detection=detections[i],
        crop_box=np.asarray(boxes[i], np.float32),
        state=row(state, i),
        body=row(body, i),
        keypoints_2d=pixels[i],
        trace=_continued(_without_padding(row(trace, i)), found[i].rest),
        quality=quality[i],
        uncertainty=errors[i],
        height_m=statures[i],
        height_given=bool(heights) and heights[i] is not None,
        parts=found[i].parts,
        gaze=found[i].gaze,
      )
      for i in range(len(detections))
    ]

  def _qualities(
    self, features: ImageFeatures, trace: RefinementState
  ) -> list[float | None]:
    """Of B people, by the end of the learned descent of their bodies."""
    if self._quality is None:
      return [None] * trace.seconds.shape[0]
    # It judges the descent, whose last state the polish comes after.
    judged = -1 if self._uncertainty is None else -2
    terms = tf.nest.map_structure(lambda x: x[:, judged], trace.terms)
    root = trace.state.rotation[:, judged]
    return [float(q) for q in self._quality(features, terms, root)]

  def _errors(
    self,
    features: ImageFeatures,
    cameras: Intrinsics,
    state: HumanState,
    found: Sequence[Fused],
  ) -> list[np.ndarray | None]:
    """Expected errors `[63]` of the joints of B people, mm."""
    if self._uncertainty is None:
      return [None] * len(found)
    errors = list(self._uncertainty(features, cameras, state).numpy())
    if any(one.state is not None for one in found):
      changed = final_states.with_parts(state, found)
      again = self._uncertainty(features, cameras, changed).numpy()
      for i, one in enumerate(found):
        if one.state is not None:
          errors[i] = again[i]
    return errors
