"""A tiny Human3.6M in the true formats, made from closed forms.

The lens model is written anew here, in plain Python, from its formula.
"""

import cdflib
import cv2
import h5py
import numpy as np
from scipy.spatial.transform import Rotation

CAMERAS = ("54138969", "55011271", "58860488", "60457274")
SIZES = ((1000, 1002), (1000, 1000), (1000, 1000), (1000, 1002))
# Camera 54138969 of S1 as published with the dataset.
ROTATION = np.array(
  [
    [-0.91536173, 0.40180837, 0.02574754],
    [0.05154812, 0.18037357, -0.98224649],
    [-0.39931903, -0.89778361, -0.18581953],
  ]
)
POSITION = np.array([1841.10702775, 4955.28462345, 1563.4453959])  # mm
INTRINSICS = (1145.04940459, 1143.78109572, 512.54150496, 515.45148698)
RADIAL = (-0.2070989, 0.2477752, -0.0030752)
TANGENTIAL = (-0.0009757, -0.0014245)
FRAMES = 11

# Of the 32 joints, in a person who faces world +y: right is +x. Millimetres.
_PLACES = {
  **{0: (0, 0, 950), 11: (0, 0, 950), 12: (0, -20, 1150), 13: (0, -10, 1430)},
  **{14: (0, 60, 1500), 15: (0, 20, 1650), 16: (0, -10, 1430)},
  **{24: (0, -10, 1430), 6: (-130, 0, 940), 7: (-140, 20, 500)},
  **{8: (-150, 0, 80), 1: (130, 0, 940), 2: (140, 20, 500), 3: (150, 0, 80)},
  **{17: (-170, 0, 1400), 18: (-260, 10, 1120), 19: (-300, 120, 900)},
  **{25: (170, 0, 1400), 26: (300, 10, 1200), 27: (420, 200, 1250)},
}
LEFT_WRIST = 19
COLOR = (255, 200, 20)
MASK_BOX = (300, 200, 250, 600)  # of all frames but frame 5, which has none


def camera_numbers(camera, subject):
  """Rotation and position (mm): each camera a quarter turn on."""
  turn = Rotation.from_euler("z", 90 * camera, degrees=True).as_matrix()
  position = turn @ (POSITION + 10 * (subject - 1))
  return ROTATION @ turn.T, position


def write_metadata(folder):
  numbers = []
  for camera in range(4):
    for subject in range(1, 12):
      rotation, position = camera_numbers(camera, subject)
      angles = Rotation.from_matrix(rotation).as_euler("XYZ")
      numbers += [*angles, *position]
  for _ in range(4):
    numbers += [*INTRINSICS, *RADIAL, *TANGENTIAL]
  text = " ".join(repr(float(number)) for number in numbers)
  (folder / "metadata.xml").write_text(
    f"<?xml version='1.0'?><metadata><frames/><w0>[{text}]</w0></metadata>"
  )


def world_joints(frames=FRAMES):
  """[F, 32, 3] mm: a person who walks along x, 30 mm each frame."""
  joints = np.zeros((frames, 32, 3))
  joints[:] = [0, 0, 1000]
  for index, place in _PLACES.items():
    joints[:, index] = place
  joints[..., 0] += 30.0 * np.arange(frames)[:, None]
  return joints


def camera_joints(world, camera, subject):
  rotation, position = camera_numbers(camera, subject)
  return np.einsum("ij,fkj->fki", rotation, world - position)


def distorted(point):
  """Pixels of one point in the camera frame, by the lens model."""
  x, y = point[0] / point[2], point[1] / point[2]
  k1, k2, k3 = RADIAL
  p1, p2 = TANGENTIAL
  r2 = x * x + y * y
  scale = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3 + p1 * y + p2 * x
  fx, fy, cx, cy = INTRINSICS
  return fx * (x * scale + p2 * r2) + cx, fy * (y * scale + p1 * r2) + cy


def write_cdf(path, values):
  path.parent.mkdir(parents=True, exist_ok=True)
  path.unlink(missing_ok=True)
  file = cdflib.cdfwrite.CDF(path)
  flat = np.asarray(values, np.float32).reshape(len(values), -1)
  variable = {
    "Variable": "Pose",
    "Data_Type": file.CDF_REAL4,
    "Num_Elements": 1,
    "Rec_Vary": True,
    "Dim_Sizes": list(flat.shape),
  }
  file.write_var(variable, var_data=flat[None])
  file.close()


def write_masks(path, boxes, size):
  """MATLAB v7.3: a cell of logical masks, stored transposed; None is empty."""
  path.parent.mkdir(parents=True, exist_ok=True)
  width, height = size
  with h5py.File(path, "w", userblock_size=512) as file:
    references = []
    for i, box in enumerate(boxes):
      mask = np.zeros((height, width), np.uint8)
      if box is not None:
        left, top, w, h = box
        mask[top : top + h, left : left + w] = 1
      data = file.create_dataset(f"#refs#/{i}", data=mask.T, compression=1)
      references.append(data.ref)
    rows = np.array(references, h5py.ref_dtype).reshape(-1, 1)
    file.create_dataset("Masks", data=rows, dtype=h5py.ref_dtype)


def draw(pixels, size):
  """A grey RGB photo with a disk of `COLOR` at the left wrist."""
  image = np.full((size[1], size[0], 3), 60, np.uint8)
  shift = 4
  # OpenCV's drawing counts from the centre of the first pixel.
  center = np.round((np.array(pixels) - 0.5) * 2**shift).astype(int)
  cv2.circle(
    image, tuple(center.tolist()), 9 * 2**shift, COLOR, -1, cv2.LINE_AA, shift
  )
  return image


def write_video(path, images):
  path.parent.mkdir(parents=True, exist_ok=True)
  height, width = images[0].shape[:2]
  code = cv2.VideoWriter_fourcc(*"mp4v")
  video = cv2.VideoWriter(str(path), code, 50.0, (width, height))
  for image in images:
    video.write(np.ascontiguousarray(image[..., ::-1]))  # OpenCV wants BGR
  video.release()


def write_take(
  base, subject, take, camera, layout="archive", world=False, video=True
):
  """Poses, and a video and masks if asked for, of one camera, and joints."""
  feature, masks = {
    "archive": ("MyPoseFeatures/{}", "MySegmentsMat/ground_truth_bb"),
    "fetch": ("Poses_{}", "Segments_mat_gt_bb"),
  }[layout]
  folder = base / f"S{subject}"
  index = CAMERAS.index(camera)
  joints = world_joints()
  local = camera_joints(joints, index, subject)
  flat = np.array([[distorted(p) for p in frame] for frame in local])
  stem = f"{take}.{camera}"
  write_cdf(folder / feature.format("D2_Positions") / f"{stem}.cdf", flat)
  if world:
    write_cdf(folder / feature.format("D3_Positions") / f"{take}.cdf", joints)
  else:
    mono = folder / feature.format("D3_Positions_mono")
    write_cdf(mono / f"{stem}.cdf", local)
  if video:
    images = [draw(frame[LEFT_WRIST], SIZES[index]) for frame in flat]
    write_video(folder / "Videos" / f"{stem}.mp4", images)
    boxes = [MASK_BOX] * FRAMES
    boxes[5] = None
    write_masks(folder / masks / f"{stem}.mat", boxes, SIZES[index])
  return local, flat
