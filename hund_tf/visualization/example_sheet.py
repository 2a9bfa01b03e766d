"""Contact sheet of training examples: what is true and what is detected."""

import numpy as np
from PIL import Image, ImageDraw

from hund_tf.body import keypoints as table
from hund_tf.body import parts
from hund_tf.geometry import camera
from hund_tf.losses.heatmaps import decode_heatmaps
from hund_tf.types import CROP_SIZE, NUM_PARTS, TrainingExample

LEFT_COLOR = (255, 90, 60)
RIGHT_COLOR = (60, 150, 255)
MIDDLE_COLOR = (240, 240, 240)
_SIDES = {"l": LEFT_COLOR, "r": RIGHT_COLOR}  # by the start of a name
_BONES = (
  ("neck", "nose"),
  ("neck", "mid_hip"),
  ("nose", "l_eye"),
  ("nose", "r_eye"),
  ("l_eye", "l_ear"),
  ("r_eye", "r_ear"),
) + tuple(
  (f"{s}_{a}" if a not in ("neck", "mid_hip") else a, f"{s}_{b}")
  for s in "lr"
  for a, b in (
    ("neck", "shoulder"),
    ("shoulder", "elbow"),
    ("elbow", "wrist"),
    ("mid_hip", "hip"),
    ("hip", "knee"),
    ("knee", "ankle"),
    ("ankle", "heel"),
    ("ankle", "big_toe"),
  )
)


def part_colors() -> np.ndarray:
  """`[15, 3]` uint8: the subject's left warm, right cold, middle grey."""
  colors = np.zeros([NUM_PARTS, 3], np.float64)
  for i, name in enumerate(parts.NAMES):
    base = _SIDES.get(name.split("_")[0], (170, 170, 170))
    shade = 0.55 + 0.45 * ((i * 5) % NUM_PARTS) / NUM_PARTS
    colors[i] = np.multiply(base, shade)
  colors[parts.INDEX["background"]] = 0.0
  return colors.astype(np.uint8)


def draw_example(
  example: TrainingExample, vertex_parts: np.ndarray, side: int
) -> list[Image.Image]:
  """Three panels of the first example: truth, K with its decoding, and B.

  Args:
    example: a batch whose first row is drawn.
    vertex_parts: `[V]` part of every vertex of its mesh.
    side: pixels of a panel.
  """
  row = _first(example)
  colors = part_colors()
  scale = side / CROP_SIZE
  pixels = camera.project(example.vertices[:1], _batch(example.intrinsics))
  pixels, depth = pixels[0].numpy(), row.vertices[:, 2]
  truth = Image.new("RGB", (side, side))
  draw = ImageDraw.Draw(truth)
  for i in np.argsort(-depth):
    x, y = pixels[i] * scale
    draw.ellipse([x - 2, y - 2, x + 2, y + 2], tuple(colors[vertex_parts[i]]))
  draw_keypoints(truth, row.keypoints, row.keypoint_weights)

  features = row.features
  heat = np.clip(features.heatmaps.sum(-1), 0.0, 1.0)
  detected = _enlarge(heat[..., None] * (40, 110, 40), side)
  locations, _ = decode_heatmaps(example.features.heatmaps[:1])
  draw_keypoints(detected, locations[0].numpy(), features.heatmap_weights)

  maps = features.part_probs
  if features.part_weights[1] > 0:
    picture = maps @ colors.astype(np.float64)
  else:
    foreground = (1.0 - maps[..., :1]) * features.part_weights[0]
    picture = foreground * (200, 200, 200)
  return [truth, detected, _enlarge(picture, side)]


def _batch(intrinsics):
  return type(intrinsics)(*(field[:1] for field in intrinsics))


def _first(example):
  """The first row of every field, as numpy arrays."""
  if hasattr(example, "_fields"):
    return type(example)(*(_first(field) for field in example))
  return np.asarray(example[0])


def _enlarge(picture: np.ndarray, side: int) -> Image.Image:
  image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
  return image.resize((side, side), Image.Resampling.BILINEAR)


def draw_keypoints(
  image: Image.Image, points: np.ndarray, weights: np.ndarray
) -> None:
  """Draws the known ones of 137 keypoints, left warm and right cold, in place.

  Args:
    image: square picture of the crop.
    points: `[137, 2]` crop pixels.
    weights: `[137]`; the higher, the brighter.
  """
  draw = ImageDraw.Draw(image)
  points = points * (image.width / CROP_SIZE)

  def color(name: str, weight: float) -> tuple[int, ...]:
    base = _SIDES.get(name.split("_")[0], MIDDLE_COLOR)
    return tuple(int(c * (0.3 + 0.7 * weight)) for c in base)

  for a, b in _BONES:
    i, j = table.INDEX[a], table.INDEX[b]
    weight = min(weights[i], weights[j])
    if weight > 0:
      ends = [tuple(points[i]), tuple(points[j])]
      draw.line(ends, color(b, weight), width=3)
  for i, (x, y) in enumerate(points):
    if weights[i] > 0:
      radius = 3 if i < table.BODY.stop else 1
      box = [x - radius, y - radius, x + radius, y + radius]
      draw.ellipse(box, color(table.NAMES[i], weights[i]))


def example_sheet(
  examples: list[TrainingExample],
  vertex_parts: np.ndarray,
  columns: int = 4,
  side: int = 180,
) -> Image.Image:
  """All examples, three panels each, `columns` examples a row.

  Args:
    examples: the first of every batch is drawn.
    vertex_parts: `[V]` part of every vertex of their mesh.
    columns: examples beside each other.
    side: pixels of a panel.
  """
  rows = -(-len(examples) // columns)
  gap = 6
  width, height = 3 * side + gap, side + gap
  sheet = Image.new("RGB", (columns * width, rows * height), (90, 90, 90))
  for k, example in enumerate(examples):
    x, y = (k % columns) * width, (k // columns) * height
    panels = draw_example(example, vertex_parts, side)
    for p, panel in enumerate(panels):
      sheet.paste(panel, (x + p * side, y))
  return sheet
