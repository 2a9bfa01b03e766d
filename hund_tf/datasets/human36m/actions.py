"""Human3.6M's subjects, names of takes, and takes known to be faulty.

Each subject plays each action twice. A take's name, for example "Directions 1",
is that of its files; the number in it does not tell which of both it is.
"""

TRAIN_SUBJECTS: tuple[str, ...] = ("S1", "S5", "S6", "S7", "S8")
TEST_SUBJECTS: tuple[str, ...] = ("S9", "S11")

# The names that some subjects' files have for two of the actions.
_SPELLINGS = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog"}

# First takes that are not named "<action> 1", as `metadata.xml` lists them.
_FIRST_TAKES: dict[str, tuple[str, ...]] = {
  "S1": ("Eating 2", "SittingDown 2"),
  "S2": ("SittingDown 2",),
  "S4": ("WalkTogether 2",),
  "S5": ("Discussion 2", "SittingDown", "Photo"),
  "S6": ("Posing 2", "Photo", "Waiting 3"),
  "S7": ("Phoning 2", "SittingDown", "Photo"),
  "S8": ("SittingDown",),
  "S9": ("SittingDown",),
  "S10": ("SittingDown", "Smoking 2"),
  "S11": ("Greeting 2", "Phoning 3", "SittingDown", "Smoking 2"),
}

# The video of this take was released damaged; HMR leaves it out as well.
_DAMAGED_VIDEOS = {("S11", "Directions", "54138969")}

# The 3D joints of these takes lie beside the person in the photos, and so do
# the boxes, which were made from them. Adding this vector (metres, world) to
# the joints puts them right.
_SHIFTED = {("S9", "Greeting"), ("S9", "SittingDown 1"), ("S9", "Waiting 1")}
_SHIFT = (-0.2, 0.0, 0.0)


def action(take: str) -> str:
  """The action of a take, in one spelling: "Photo" of "TakingPhoto 1"."""
  word = take.split(" ")[0]
  return _SPELLINGS.get(word, word)


def trial(subject: str, take: str) -> int:
  """1 for a subject's first take of an action, 2 for the second.

  HMR's protocol 2 takes camera 60457274 and trial 1.

  Args:
    subject: "S9".
    take: "Directions 1", the second part of a record's key.
  """
  exceptions = _FIRST_TAKES.get(subject, ())
  if action(take) in [action(name) for name in exceptions]:
    return 1 if take in exceptions else 2
  return 1 if take.endswith(" 1") else 2


def has_damaged_video(subject: str, take: str, camera: str) -> bool:
  """Whether the dataset was released with a damaged video of it."""
  return (subject, take, camera) in _DAMAGED_VIDEOS


def world_correction(subject: str, take: str) -> tuple[float, float, float]:
  """What to add to the joints of a take, metres, world; mostly zero."""
  return _SHIFT if (subject, take) in _SHIFTED else (0.0, 0.0, 0.0)
