"""Neural descent for visual 3D human pose and shape, in TensorFlow.

    import hund_tf

    model = hund_tf.load()
    people = model("photo.jpg")  # also an array, a list, a folder
    people[0].vertices  # [12308, 3] metres, camera frame of the photo
    people.save_glb("people.glb")

What `__all__` names is the public face of the package and keeps its form within
a minor version; every other module is private and may change. Importing the
package is cheap: TensorFlow is imported when the first of these names is used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from hund_tf import environment

if TYPE_CHECKING:
  from hund_tf.api.demo import demo_photo
  from hund_tf.api.loading import load
  from hund_tf.api.model import PeopleModel
  from hund_tf.api.person import Person
  from hund_tf.api.results import People
  from hund_tf.body.model import BodyModel
  from hund_tf.losses.alignment import AlignmentObjective
  from hund_tf.losses.pair_terms import Apart, PairTerm, Touch
  from hund_tf.losses.terms import Term
  from hund_tf.models.hund.model import HundModel

__version__ = "0.2.0"
__all__ = [
  "AlignmentObjective",
  "Apart",
  "BodyModel",
  "HundModel",
  "PairTerm",
  "People",
  "PeopleModel",
  "Person",
  "Term",
  "Touch",
  "__version__",
  "demo_photo",
  "load",
]

_HOMES = {
  "AlignmentObjective": "hund_tf.losses.alignment",
  "Apart": "hund_tf.losses.pair_terms",
  "BodyModel": "hund_tf.body.model",
  "HundModel": "hund_tf.models.hund.model",
  "PairTerm": "hund_tf.losses.pair_terms",
  "People": "hund_tf.api.results",
  "PeopleModel": "hund_tf.api.model",
  "Person": "hund_tf.api.person",
  "Term": "hund_tf.losses.terms",
  "Touch": "hund_tf.losses.pair_terms",
  "demo_photo": "hund_tf.api.demo",
  "load": "hund_tf.api.loading",
}

environment.prepare()


def __getattr__(name: str) -> Any:
  """Imports a public name when it is first used (PEP 562)."""
  if name not in _HOMES:
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
  value = getattr(importlib.import_module(_HOMES[name]), name)
  globals()[name] = value
  return value


def __dir__() -> list[str]:
  return sorted({*globals(), *__all__})
