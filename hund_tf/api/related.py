"""People of one photo whom terms relate: `PeopleModel.relate`."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from hund_tf.api.person import Person
from hund_tf.api.results import People
from hund_tf.losses.pair_terms import PairTerm
from hund_tf.reconstruction.reconstructor import Reconstructor


def relate(
  reconstructor: Reconstructor,
  people: Sequence[Person],
  terms: Sequence[PairTerm],
) -> People | list[Person]:
  """See `PeopleModel.relate`, of which the reconstructor is."""
  _check(people, terms)
  relations = [(term, term.pairs_of(len(people))) for term in terms]
  numbers = sorted(
    {i for _, pairs in relations for pair in pairs for i in pair}
  )
  found = {}
  if numbers:
    place = {number: i for i, number in enumerate(numbers)}
    photo = people[0].photo
    fits = reconstructor.relate(
      [people[number].fit for number in numbers],
      photo.camera.intrinsics,
      photo.image,
      [
        (term, [(place[i], place[j]) for i, j in pairs])
        for term, pairs in relations
      ],
    )
    found = {
      number: dataclasses.replace(people[number], fit=fit)
      for number, fit in zip(numbers, fits, strict=True)
    }
  if isinstance(people, People):
    return people.replaced(found)
  return [found.get(i, person) for i, person in enumerate(people)]


def _check(people: Sequence[Person], terms: Sequence[PairTerm]) -> None:
  if isinstance(people, Person):
    raise ValueError("relate: got one person, expected at least two")
  if isinstance(terms, PairTerm):
    raise ValueError("relate: got one term, expected a list of terms")
  if len(people) < 2:
    raise ValueError(
      f"relate: got {len(people)}, expected at least two people of one photo"
    )
  photo = people[0].photo
  for i, person in enumerate(people[1:], 1):
    other = person.photo
    same = other.image is photo.image or np.array_equal(
      other.image, photo.image
    )
    if not (same and photo.same_camera(other)):
      what = "camera" if same else "photo"
      raise ValueError(
        f"relate: person {i} is of another {what} than person 0; give people "
        f"of one {what}"
      )
  for term in terms:
    if not isinstance(term, PairTerm):
      raise ValueError(
        f"relate: {term!r} relates nobody; give some of hund_tf.PairTerm"
      )
