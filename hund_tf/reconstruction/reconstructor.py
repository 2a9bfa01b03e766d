"""A photo in, people in 3D out, all in the camera frame of the photo."""

from collections.abc import Callable, Sequence

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
from hund_tf.models.hund.polish_pairs import Relations
from hund_tf.photos.corrections import Correction
from hund_tf.reconstruction import final_states, steering
from hund_tf.reconstruction.final_states import row
from hund_tf.reconstruction.methods import Method
from hund_tf.reconstruction.parts import Fused, Whole
from hund_tf.reconstruction.people import Crops, Person, Steered
from hund_tf.reconstruction.polished_end import Uncertainty
from hund_tf.types import (
  AlignmentTerms,
  HumanState,
  ImageFeatures,
  Intrinsics,
  RefinementState,
)


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


def _joined(before: RefinementState, rest: RefinementState) -> RefinementState:
  """One person's trace, and that which goes on from its end."""
  rest = tf.nest.map_structure(lambda x: x[1:], rest)
  rest = rest._replace(seconds=rest.seconds + before.seconds[-1])
  return _continued(before, rest)


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
    crops = self._crops(detections, boxes, intrinsics, image)
    trace = self._method(crops.features, crops.crop_cameras)
    found = [Fused(())] * len(boxes)
    if self._parts is not None:
      sizes = _photo_sizes(image, len(boxes))
      _, features, cameras, crop_cameras = crops
      found = self._parts(
        Whole(detections, sizes, cameras, features, crop_cameras, trace)
      )
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
    asked = [steering.asked(person, before, correction)]
    return self._gone_on(asked, intrinsics, image, num_stages)[0]

  def relate(
    self,
    people: Sequence[Person],
    intrinsics: Intrinsics,
    image: np.ndarray,
    relations: Relations,
  ) -> list[Person]:
    """Steers people of a photo together; see `steering`.

    Args:
      people: of this reconstructor; what was corrected of them stays.
      intrinsics: of the photo, fields `[2]`, pixels.
      image: `[H, W, 3]` uint8 RGB, the photo.
      relations: terms of pairs of them, by their places in `people`.

    Returns:
      The people with their traces gone on with.

    Raises:
      ValueError: if the method does not polish.
    """
    asked = [steering.asked(one, intrinsics, Correction()) for one in people]
    return self._gone_on(asked, intrinsics, image, 0, relations)

  def _gone_on(
    self,
    asked: Sequence[Steered],
    intrinsics: Intrinsics,
    image: np.ndarray,
    num_stages: int,
    relations: Relations = (),
  ) -> list[Person]:
    """People of one photo, steered as it is asked."""
    if self._uncertainty is None:
      raise ValueError(
        "method: does not polish; people are steered and related by the "
        "learned descent with its polish: method='hund', polish=True, "
        "refine_steps=0"
      )
    detections = [steering.corrected(one) for one in asked]
    boxes = [one.found.crop_box for one in asked]
    crops = self._crops(detections, boxes, intrinsics, image)
    traces = [
      steering.seen_by(one, row(crops.crop_cameras, i))
      for i, one in enumerate(asked)
    ]
    heights = [steering.height(one) for one in asked]
    rest = steering.steer(
      self._method,
      steering.Problem(asked, crops, traces, heights),
      num_stages,
      relations,
    )
    parts = [Fused(one.found.parts, gaze=one.found.gaze) for one in asked]
    people = self._people(detections, crops, rest, parts, heights)
    return [
      person._replace(
        trace=_joined(before, person.trace),
        quality=one.found.quality,
        steered=one,
      )
      for person, before, one in zip(people, traces, asked, strict=True)
    ]

  def _crops(
    self,
    detections: Sequence[Detection],
    boxes: Sequence[np.ndarray],
    intrinsics: Intrinsics,
    image: Photos | None,
  ) -> Crops:
    """See `__call__`; boxes are square, photo pixels."""
    cameras = Intrinsics(
      *(
        np.broadcast_to(np.asarray(x, np.float32), [len(boxes), 2])
        for x in intrinsics
      )
    )
    squares = tf.constant(np.array(boxes, np.float32))
    return Crops(
      boxes,
      self._features(image, detections, boxes),
      cameras,
      camera.crop_intrinsics(cameras, squares),
    )

  def _people(
    self,
    detections: Sequence[Detection],
    crops: Crops,
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
