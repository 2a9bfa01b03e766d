"""People on a page, without a reconstruction."""

from pathlib import Path

import numpy as np

from hund_tf import types
from hund_tf.api.results import People, Person, Photo
from hund_tf.photos.cameras import PhotoCamera
from hund_tf.photos.loading import load_photo
from tests.export import made_people


class Model:
  """As `hund_tf.load` gives: two people in every photo, or nobody."""

  def __init__(self, body_model, nobody: bool = False):
    self.body_model, self.asked = body_model, []
    self._fits = [] if nobody else made_people.make(body_model)

  def __call__(self, photo, **options) -> People:
    self.asked.append(options)
    image = load_photo(photo)
    height, width = image.shape[:2]
    focal = options["focal_px"] or width
    camera = types.Intrinsics(
      np.float32([focal, focal]), np.float32([width / 2, height / 2])
    )
    made = Photo(image, PhotoCamera(camera, "default"), Path(photo))
    people = (Person(fit, made, self.body_model) for fit in self._fits)
    return People(made, "hund", tuple(people))
