"""Motion clips: the record, its kinematics, BVH files read and written."""

import os
import warnings
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from hund_tf import files

LARGEST_MB = 100.0  # of a text file of motion
_CHANNELS = {f"{a}{kind}" for a in "XYZ" for kind in ("position", "rotation")}
_ORDER = "ZXY"  # of the angles that are written: R = Rz Rx Ry


class MotionError(ValueError):
  """A motion-capture file that cannot be read; the message names the file."""


class Motion(NamedTuple):
  """A clip of a skeleton; joints are in the file's order, parents first."""

  names: tuple[str, ...]  # J joint names
  parents: tuple[int, ...]  # J indices; -1 for the root
  offsets: np.ndarray  # [J, 3] parent to joint at zero angles, file units
  rotations: np.ndarray  # [F, J, 3, 3] local, child frame to parent frame
  translations: np.ndarray  # [F, 3] of the root, file units
  seconds_per_frame: float


class _Joint(NamedTuple):
  name: str
  parent: int
  channels: tuple[str, ...]


def global_rotations(motion: Motion) -> np.ndarray:
  """Joint frames in the world, `[F, J, 3, 3]`."""
  result = np.empty_like(motion.rotations)
  for j, parent in enumerate(motion.parents):
    local = motion.rotations[:, j]
    result[:, j] = local if parent < 0 else result[:, parent] @ local
  return result


def joint_positions(motion: Motion) -> np.ndarray:
  """Joint positions in the world, `[F, J, 3]`, file units."""
  world = global_rotations(motion)
  result = np.empty(world.shape[:3])
  for j, parent in enumerate(motion.parents):
    if parent < 0:
      result[:, j] = motion.translations + motion.offsets[j]
    else:
      result[:, j] = result[:, parent] + world[:, parent] @ motion.offsets[j]
  return result


def read_bvh(path: str | os.PathLike) -> Motion:
  """Reads a Biovision hierarchy file.

  End sites are dropped. Rotation channels are intrinsic, in the order written
  (`Zrotation Yrotation Xrotation` is R = Rz Ry Rx). Positions of joints other
  than the root are ignored.

  Raises:
    MotionError: if the file is not readable BVH; the message says where.
  """
  try:
    files.check_size(path, LARGEST_MB)
    with open(path, encoding="utf-8", errors="replace") as file:
      text = file.read()
  except (OSError, ValueError) as error:
    raise MotionError(
      f"{path}: cannot be read ({files.problem(error)})"
    ) from error
  head, found, tail = text.partition("MOTION")
  if not found or "HIERARCHY" not in head:
    raise MotionError(
      f"{path}: no HIERARCHY and MOTION sections; expected a BVH file"
    )
  joints, offsets = _parse_hierarchy(head.split(), path)
  values, seconds = _parse_motion(tail, joints, path)
  rotations, translations = _channels_to_motion(values, joints)
  return Motion(
    names=tuple(joint.name for joint in joints),
    parents=tuple(joint.parent for joint in joints),
    offsets=offsets,
    rotations=rotations,
    translations=translations,
    seconds_per_frame=seconds,
  )


def _parse_hierarchy(
  tokens: list[str], path: str | os.PathLike
) -> tuple[list[_Joint], np.ndarray]:
  """Joints and `[J, 3]` offsets of the HIERARCHY section's tokens."""
  joints: list[_Joint] = []
  offsets: list[list[float]] = []
  stack: list[int] = []  # open braces: joint index, or -1 for an end site
  opened = -1
  i = 0
  try:
    while i < len(tokens):
      word = tokens[i]
      if word in ("ROOT", "JOINT"):
        parent = next((j for j in reversed(stack) if j >= 0), -1)
        joints.append(_Joint(tokens[i + 1], parent, ()))
        offsets.append([0.0, 0.0, 0.0])
        opened, i = len(joints) - 1, i + 2
      elif word == "End":
        opened, i = -1, i + 2
      elif word == "{":
        stack.append(opened)
        i += 1
      elif word == "}":
        stack.pop()
        i += 1
      elif word == "OFFSET":
        if stack[-1] >= 0:
          offsets[stack[-1]] = [float(v) for v in tokens[i + 1 : i + 4]]
        i += 4
      elif word == "CHANNELS":
        count = int(tokens[i + 1])
        channels = tuple(tokens[i + 2 : i + 2 + count])
        if count < 0 or not _CHANNELS.issuperset(channels):
          raise ValueError("unknown channels")
        joints[stack[-1]] = joints[stack[-1]]._replace(channels=channels)
        i += 2 + count
      else:
        i += 1
  except (IndexError, ValueError) as error:
    raise MotionError(
      f"{path}: broken HIERARCHY near token {i} ({files.problem(error)})"
    ) from error
  if stack or not joints:
    raise MotionError(f"{path}: HIERARCHY has unbalanced braces or no joints")
  if any(len(row) != 3 for row in offsets) or not np.isfinite(offsets).all():
    raise MotionError(f"{path}: HIERARCHY has an OFFSET that is no place")
  return joints, np.asarray(offsets, np.float64)


def _parse_motion(
  text: str, joints: list[_Joint], path: str | os.PathLike
) -> tuple[np.ndarray, float]:
  """Channel values `[F, C]` and seconds per frame of the MOTION section."""
  lines = [line for line in text.splitlines() if line.strip()]
  try:
    count = int(lines[0].split(":")[1])
    seconds = float(lines[1].split(":")[1])
    rows = [np.array(line.split(), np.float64) for line in lines[2:]]
  except (IndexError, ValueError) as error:
    raise MotionError(
      f"{path}: broken MOTION section ({files.problem(error)})"
    ) from error
  width = sum(len(joint.channels) for joint in joints)
  if len(rows) != count or any(len(row) != width for row in rows):
    raise MotionError(
      f"{path}: MOTION has {len(rows)} rows, expected {count} "
      f"rows of {width} values"
    )
  values = np.reshape(rows, (count, width))
  if not (np.isfinite(values).all() and np.isfinite(seconds)):
    raise MotionError(f"{path}: MOTION has values that are not finite")
  return values, seconds


def _channels_to_motion(
  values: np.ndarray, joints: list[_Joint]
) -> tuple[np.ndarray, np.ndarray]:
  """Local rotations `[F, J, 3, 3]` and root translations `[F, 3]`."""
  frames = len(values)
  rotations = np.tile(np.eye(3), (frames, len(joints), 1, 1))
  translations = np.zeros((frames, 3))
  column = 0
  for j, joint in enumerate(joints):
    block = values[:, column : column + len(joint.channels)]
    column += len(joint.channels)
    turning = [c for c in joint.channels if c.endswith("rotation")]
    if turning and frames:
      angles = block[:, [joint.channels.index(c) for c in turning]]
      order = "".join(c[0].upper() for c in turning)
      rotations[:, j] = Rotation.from_euler(
        order, angles, degrees=True
      ).as_matrix()
    if joint.parent < 0:
      for axis, letter in enumerate("XYZ"):
        if f"{letter}position" in joint.channels:
          translations[:, axis] = block[
            :, joint.channels.index(f"{letter}position")
          ]
  return rotations, translations


def write_bvh(path: str | os.PathLike, motion: Motion) -> None:
  """Writes a Biovision hierarchy file, which `read_bvh` reads.

  The root has places and angles, the other joints angles in the order Z, X, Y.
  A joint without children ends in a site as far from it as it is from its
  parent, in the same direction.

  Args:
    path: of the file; replaced atomically.
    motion: one root, the first joint; F frames, at least one.

  Raises:
    ValueError: if there is no frame, or a value is not finite.
    OutputError: if the file cannot be written.
  """
  count, joints = motion.rotations.shape[:2]
  with warnings.catch_warnings():
    # Where the middle angle is 90 degrees, the last one is taken as zero.
    warnings.simplefilter("ignore", UserWarning)
    angles = Rotation.from_matrix(motion.rotations.reshape(-1, 3, 3)).as_euler(
      _ORDER, degrees=True
    )
  rows = np.column_stack([motion.translations, angles.reshape(count, -1)])
  if not count or not (np.isfinite(rows).all() and joints):
    raise ValueError(f"{path}: no frames of finite numbers; expected some")
  lines = ["HIERARCHY", *_hierarchy(motion, 0, ""), "MOTION"]
  lines += [f"Frames: {count}", f"Frame Time: {motion.seconds_per_frame:.8f}"]
  layout = " ".join(["%.6f"] * 3 + ["%.4f"] * (rows.shape[1] - 3))
  lines += [layout % tuple(row) for row in rows]
  with files.atomic_path(path) as temporary:
    temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _hierarchy(motion: Motion, joint: int, indent: str) -> list[str]:
  """Lines of a joint and what is below it."""
  place = lambda offset: "OFFSET " + " ".join(f"{x:.6f}" for x in offset)
  turns = " ".join(f"{axis}rotation" for axis in _ORDER)
  root = motion.parents[joint] < 0
  channels = (
    f"6 Xposition Yposition Zposition {turns}" if root else f"3 {turns}"
  )
  inner = indent + "  "
  lines = [
    f"{indent}{'ROOT' if root else 'JOINT'} {motion.names[joint]}",
    indent + "{",
    inner + place(motion.offsets[joint]),
    f"{inner}CHANNELS {channels}",
  ]
  below = [k for k, parent in enumerate(motion.parents) if parent == joint]
  for child in below:
    lines += _hierarchy(motion, child, inner)
  if not below:
    lines += [inner + "End Site", inner + "{"]
    lines += [f"{inner}  {place(motion.offsets[joint])}", inner + "}"]
  return [*lines, indent + "}"]
