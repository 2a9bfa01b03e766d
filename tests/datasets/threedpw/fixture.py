"""A tiny 3DPW in the true format: sequence files as Python 2 pickled them."""

import io
import pickle
import struct

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from hund_tf.body.joint_sets import COCO_18, SMPL_24

FRAMES = 4
SIZE = (360, 640)  # width, height
MATRIX = np.array([[600.0, 0, 180.0], [0, 610.0, 320.0], [0, 0, 1]])
INVALID = (1, 2)  # actor, frame
UNSEEN = (0, 1)  # actor, frame without 2D points

# SMPL's joints of a person who faces body +z: left is +x, y up; metres.
_PLACES = {
  **{"pelvis": (0, 0, 0), "spine1": (0, 0.1, 0), "spine2": (0, 0.25, 0)},
  **{"spine3": (0, 0.3, 0), "neck": (0, 0.5, 0), "head": (0, 0.6, 0.05)},
  **{"l_hip": (0.1, -0.1, 0), "l_knee": (0.12, -0.5, 0.03)},
  **{"l_ankle": (0.12, -0.9, 0), "l_foot": (0.12, -0.95, 0.1)},
  **{"l_collar": (0.08, 0.42, 0), "l_shoulder": (0.2, 0.45, 0)},
  **{"l_elbow": (0.3, 0.2, 0), "l_wrist": (0.35, 0, 0.1)},
  "l_hand": (0.36, -0.1, 0.1),
}


class _Python2Pickler(pickle._Pickler):
  """Protocol 2 with texts and bytes as the byte strings of Python 2."""

  dispatch = dict(pickle._Pickler.dispatch)

  def _save_string(self, value):
    data = value.encode("latin1") if isinstance(value, str) else value
    if len(data) < 256:
      self.write(pickle.SHORT_BINSTRING + bytes([len(data)]) + data)
    else:
      self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)
    self.memoize(value)

  dispatch[str] = _save_string
  dispatch[bytes] = _save_string


def pickle_python2(content):
  buffer = io.BytesIO()
  _Python2Pickler(buffer, protocol=2).dump(content)
  return buffer.getvalue()


def body_joints():
  """[24, 3] in the body frame, right side mirrored from the left."""
  rows = []
  for name in SMPL_24:
    x, y, z = _PLACES[name.replace("r_", "l_") if name[:2] == "r_" else name]
    rows.append((-x if name[:2] == "r_" else x, y, z))
  return np.array(rows)


def camera_pose(frame):
  """World (y up) to camera: looks along world -z, turns a little."""
  pose = np.eye(4)
  turn = Rotation.from_euler("yx", [3 * frame, 180 + 2 * frame], degrees=True)
  pose[:3, :3] = turn.as_matrix()
  pose[:3, 3] = [0.05 * frame, 0.1, 4.0]
  return pose


def content():
  """A sequence; the persons stand beside each other and face the camera."""
  poses = np.array([camera_pose(frame) for frame in range(FRAMES)])
  joints = np.zeros((2, FRAMES, 24, 3))
  for actor in range(2):
    for frame in range(FRAMES):
      place = [1.0 * actor - 0.4, 0.02 * frame, 0.1]
      joints[actor, frame] = body_joints() + place
  pixels = np.zeros((2, FRAMES, 3, 18))
  for actor, frame in np.ndindex(2, FRAMES):
    local = joints[actor, frame] @ poses[frame][:3, :3].T + poses[frame][:3, 3]
    for i, name in enumerate(COCO_18):
      if name in SMPL_24 and name != "r_wrist":  # never found
        x, y, z = local[SMPL_24.index(name)]
        pixels[actor, frame, :, i] = (
          MATRIX[0, 0] * x / z + MATRIX[0, 2],
          MATRIX[1, 1] * y / z + MATRIX[1, 2],
          0.5 + 0.02 * i,
        )
  pixels[UNSEEN] = 0
  valid = np.ones((2, FRAMES), np.int64)
  valid[INVALID] = 0
  rng = np.random.default_rng(0)
  rest = np.array([0.01, -0.2, 0.03])  # pelvis of the shaped template
  return {
    "sequence": "walk_00",
    "betas": [rng.normal(size=10), rng.normal(size=300)],
    "poses": [rng.normal(size=(FRAMES, 72)) * 0.3 for _ in range(2)],
    "trans": [joints[actor, :, 0] - rest for actor in range(2)],
    "genders": ["m", "f"],
    "poses2d": list(pixels),
    "jointPositions": [a.reshape(FRAMES, 72) for a in joints],
    "campose_valid": list(valid),
    "img_frame_ids": np.arange(FRAMES) * 2,
    "cam_poses": poses,
    "cam_intrinsics": MATRIX,
    "texture_maps": [np.zeros((8, 8, 3), np.uint8)],
  }


def write(root, split="test"):
  """Writes the dataset; returns its content."""
  made = content()
  folder = root / "sequenceFiles" / split
  folder.mkdir(parents=True)
  (folder / "walk_00.pkl").write_bytes(pickle_python2(made))
  photos = root / "imageFiles" / "walk_00"
  photos.mkdir(parents=True)
  rows, columns = np.indices(SIZE[::-1])
  for frame in range(FRAMES):
    values = np.stack([columns // 2, rows // 3, 0 * rows + 60 * frame], -1)
    Image.fromarray(values.astype(np.uint8)).save(
      photos / f"image_{frame:05d}.jpg", quality=95
    )
  return made
