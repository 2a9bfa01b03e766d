"""The 137 keypoints as means of source vertices or of joints.

Body and hand keypoints are joints or the middle of a patch of skin; the face
points were picked by hand on the base mesh (its contour is static).
"""

import numpy as np

from hund_tf.body import keypoints, skeleton

# Source vertices of the left side; the right side follows by mirroring.
_VERTICES = {
  "nose": (5054,),
  "l_eye": (14607, 14598, 14661, 14616, 14652, 14625, 14643, 14634),
  "l_ear": (12033,),
  "l_big_toe": (11551, 12756, 11560, 11569, 11591, 12770),
  "l_small_toe": (13280, 13285, 13178, 13177, 13182, 13184),
  "l_heel": (12442, 12453, 12912, 12925),
  "l_hand_thumb4": (9348, 9345, 9435, 9445, 9442, 9416),
  "l_hand_index4": (8595, 8598, 8706, 8737, 8707, 8744),
  "l_hand_middle4": (8813, 8787, 8927, 8790, 8917, 8898),
  "l_hand_ring4": (8979, 9119, 8982, 9090, 9121, 9129),
  "l_hand_pinky4": (9171, 9174, 9313, 9311, 9282, 9302),
}
# Source vertex of each of the 68 face points, in iBUG order.
_FACE_VERTICES = (
  # contour, from the subject's right ear over the chin to the left ear
  *(5765, 5750, 866, 739, 741, 3698, 5294, 5167, 5171),
  *(11780, 11900, 10366, 7461, 7459, 7571, 12347, 12362),
  # right and left brow
  *(179, 176, 205, 208, 209, 6984, 6983, 6980, 6952, 6955),
  # bridge and base of the nose
  *(132, 131, 201, 5054, 326, 331, 312, 7093, 7088),
  # right and left eye
  *(18, 0, 54, 102, 47, 41, 6886, 6838, 6784, 6802, 6825, 6831),
  # outer and inner lips
  *(3735, 5354, 460, 455, 7219, 11956, 10403, 7235, 7241, 492, 486, 480),
  *(432, 453, 468, 7213, 7192, 7236, 494, 481),
)


def fingertip(finger: str) -> tuple[int, ...]:
  """Source vertices whose mean is the tip of a left finger."""
  return _VERTICES[f"l_hand_{finger}4"]


def _vertices(name: str, mirror: np.ndarray) -> np.ndarray | None:
  if name in _VERTICES:
    return np.array(_VERTICES[name])
  if name.startswith("r_") and "l_" + name[2:] in _VERTICES:
    return mirror[np.array(_VERTICES["l_" + name[2:]])]
  if name in ("face_68", "face_69"):  # right and left pupil
    return _vertices("r_eye" if name == "face_68" else "l_eye", mirror)
  if name.startswith("face_"):
    return np.array([_FACE_VERTICES[int(name[5:])]])
  return None


def _joints(name: str) -> tuple[str, ...]:
  """Joints whose mean a keypoint is."""
  return keypoints.MIDPOINTS.get(name, (name.replace("_hand_", "_"),))


def regressor(
  mirror: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """The keypoints as sparse linear maps of source vertices and joints.

  Args:
    mirror: `[S]` mirror image of every source vertex.

  Returns:
    Source vertex ids `[N]` in use, weights `[137, N]` over them and weights
    `[137, 63]` over the joints; each row of both together sums to one.
  """
  rows = [_vertices(name, mirror) for name in keypoints.NAMES]
  used = np.unique(np.concatenate([row for row in rows if row is not None]))
  over_vertices = np.zeros((len(keypoints.NAMES), len(used)))
  over_joints = np.zeros((len(keypoints.NAMES), len(skeleton.NAMES)))
  for i, (name, row) in enumerate(zip(keypoints.NAMES, rows, strict=True)):
    if row is not None:
      over_vertices[i, np.searchsorted(used, row)] = 1.0 / len(row)
    else:
      names = _joints(name)
      for joint in names:
        over_joints[i, skeleton.INDEX[joint]] = 1.0 / len(names)
  return used, over_vertices, over_joints
