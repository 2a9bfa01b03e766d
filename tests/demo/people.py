"""People on a page, without a reconstruction."""

from pathlib import Path

import numpy as np

from hund_tf import types
from hund_tf.api.person import Person, Photo
from hund_tf.api.results import People
from hund_tf.geometry import camera
from hund_tf.photos.cameras import PhotoCamera
from hund_tf.photos.loading import load_photo
from tests.export import made_people


class Model:
  """As `hund_tf.load` gives: two people in every photo, or nobody."""

  def __init__(self, body_model, nobody: bool = False):
    self.body_model, self.asked, self.resumed = body_model, [], []
    self._fits = [] if nobody else made_people.make(body_model)

  def __call__(self, photo, **options) -> People:
    self.asked.append(options)
    image = load_photo(photo)
    height, width = image.shape[:2]
    focal = options["focal_px"] or width
    intrinsics = types.Intrinsics(
      np.float32([focal, focal]), np.float32([width / 2, height / 2])
    )
    made = Photo(image, PhotoCamera(intrinsics, "default"), Path(photo))
    fits = (_seen(fit, intrinsics) for fit in self._fits)
    people = (Person(fit, made, self.body_model) for fit in fits)
    return People(made, "hund", tuple(people))

  def resume(self, person: Person, **corrections) -> Person:
    """The person as at the first state of the trace, which is farther off."""
    self.resumed.append(corrections)
    first = types.HumanState(*(x[0] for x in person.trace.state))
    body = self.body_model.decode(types.HumanState(*(x[None] for x in first)))
    body = types.BodyOutput(*(np.array(x)[0] for x in body))
    fit = person.fit._replace(state=first, body=body)
    fit = _seen(fit, person.photo.camera.intrinsics)
    return Person(fit, person.photo, self.body_model)


def _seen(fit, intrinsics: types.Intrinsics):
  """With the keypoints where they are in the photo."""
  points = camera.project(fit.body.keypoints, intrinsics)
  return fit._replace(keypoints_2d=np.array(points))
