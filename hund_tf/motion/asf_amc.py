"""Reader of the CMU database's own files: ASF skeleton and AMC motion.

Conventions: a bone's local rotation is R = C E C^-1, with C = Rz Ry Rx of its
`axis` angles and E = Rz Ry Rx of its degrees of freedom; the bone's joint sits
at its parent bone's end, `direction * length` from the parent's joint.
"""

import os

import numpy as np
from scipy.spatial.transform import Rotation

from hund_tf import files
from hund_tf.motion.bvh import LARGEST_MB, Motion, MotionError

SECONDS_PER_FRAME = 1.0 / 120.0


def read_asf_amc(
  asf_path: str | os.PathLike, amc_path: str | os.PathLike
) -> Motion:
  """Reads a CMU take; joints are bones, `offsets` their starts (file units,
  inches divided by 0.45).

  Raises:
    MotionError: if a file cannot be read or does not follow the format.
  """
  try:
    bones, children = _read_asf(asf_path)
    names, parents = ["root"], [-1]
    for name, parent in children:
      _check(name, bones[name])
      names.append(name)
      parents.append(names.index(parent))
  except MotionError:
    raise
  except (KeyError, ValueError, IndexError) as error:
    raise MotionError(
      f"{asf_path}: broken ASF ({files.problem(error)}); expected bones with "
      "name, direction, length and axis, each below one that comes before"
    ) from error
  offsets = np.zeros((len(names), 3))
  for j, parent in enumerate(parents):
    if parent > 0:
      bone = bones[names[parent]]
      offsets[j] = np.asarray(bone["direction"]) * bone["length"][0]
  frames = _read_amc(amc_path)
  rotations = np.tile(np.eye(3), (len(frames), len(names), 1, 1))
  for j, name in enumerate(names):
    dofs = (
      "xyz" if j == 0 else "".join(d[1] for d in bones[name].get("dof", ()))
    )
    if not dofs:
      continue
    angles = np.zeros((len(frames), 3))
    try:
      values = np.array([frame[name] for frame in frames])
      angles[:, ["xyz".index(d) for d in dofs]] = values[:, -len(dofs) :]
    except (KeyError, ValueError, IndexError) as error:
      raise MotionError(
        f"{amc_path}: expected {len(dofs)} values of {name!r} in every frame"
      ) from error
    local = Rotation.from_euler("xyz", angles, degrees=True)
    if j:
      axis = Rotation.from_euler("xyz", bones[name]["axis"], degrees=True)
      local = axis * local * axis.inv()
    rotations[:, j] = local.as_matrix()
  return Motion(
    names=tuple(names),
    parents=tuple(parents),
    offsets=offsets,
    rotations=rotations,
    translations=np.array([frame["root"][:3] for frame in frames]),
    seconds_per_frame=SECONDS_PER_FRAME,
  )


def _check(name: str, bone: dict) -> None:
  """Raises ValueError if a bone lacks numbers, or has impossible ones."""
  for key, count in (("direction", 3), ("axis", 3), ("length", 1)):
    numbers = bone[key][:count]
    if len(numbers) != count or not np.isfinite(numbers).all():
      raise ValueError(f"{name}: {key} is {numbers}")
  dofs = bone.get("dof", ())
  if not {*dofs} <= {"rx", "ry", "rz"} or len({*dofs}) != len(dofs):
    raise ValueError(f"{name}: dof is {list(dofs)}")


def _lines(path: str | os.PathLike) -> list[list[str]]:
  """Words of every line that is neither empty nor a comment."""
  try:
    files.check_size(path, LARGEST_MB)
    with open(path, encoding="utf-8", errors="replace") as file:
      rows = [line.split() for line in file]
  except (OSError, ValueError) as error:
    raise MotionError(
      f"{path}: cannot be read ({files.problem(error)})"
    ) from error
  return [row for row in rows if row and not row[0].startswith("#")]


def _read_asf(
  path: str | os.PathLike,
) -> tuple[dict[str, dict], list[tuple[str, str]]]:
  """Bones by name, and (child, parent) pairs with parents first."""
  bones: dict[str, dict] = {}
  children: list[tuple[str, str]] = []
  section, bone = "", {}
  for words in _lines(path):
    if words[0].startswith(":"):
      section = words[0]
    elif section == ":bonedata":
      if words[0] == "begin":
        bone = {}
      elif words[0] == "end":
        bones[bone["name"]] = bone
      elif words[0] == "name":
        bone["name"] = words[1]
      elif words[0] == "dof":
        bone["dof"] = words[1:]
      elif words[0] in ("direction", "length", "axis"):
        bone[words[0]] = [float(v) for v in words[1:4]]
    elif section == ":hierarchy" and words[0] not in ("begin", "end"):
      children += [(child, words[0]) for child in words[1:]]
  if not bones or not children:
    raise MotionError(f"{path}: no :bonedata or :hierarchy; expected ASF")
  return bones, children


def _read_amc(path: str | os.PathLike) -> list[dict[str, list[float]]]:
  """Values of every bone, one dictionary per frame."""
  frames: list[dict[str, list[float]]] = []
  try:
    for words in _lines(path):
      if len(words) == 1 and words[0].isdigit():
        frames.append({})
      elif not words[0].startswith(":"):
        frames[-1][words[0]] = [float(v) for v in words[1:]]
  except (IndexError, ValueError) as error:
    raise MotionError(
      f"{path}: broken AMC rows ({files.problem(error)})"
    ) from error
  if not frames:
    raise MotionError(f"{path}: holds no frames; expected AMC")
  if not all(np.isfinite(v).all() for frame in frames for v in frame.values()):
    raise MotionError(f"{path}: has values that are not finite")
  return frames
