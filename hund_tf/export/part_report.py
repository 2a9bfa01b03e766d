"""Faces and hands in the JSON result."""

from typing import TYPE_CHECKING, Any

from hund_tf.export.report_numbers import (
  LATENT,
  METRES,
  PIXEL,
  latents,
  rounded,
  significant,
)
from hund_tf.types import EXPRESSION_DIM, HAND_POSE_DIM, SHAPE_DIM

if TYPE_CHECKING:  # reading a report needs no reconstruction
  from hund_tf.reconstruction.part_results import PartResult

_NUMBERS = "numbers"  # as of `report`
GAZE_SPEC = (_NUMBERS, 2)
_PLACED = {"rotation": (_NUMBERS, 6), "translation": (_NUMBERS, 3)}
_HAND = {"pose": (_NUMBERS, HAND_POSE_DIM), "size": (_NUMBERS, 1)}
_FACE = {
  "expression": (_NUMBERS, EXPRESSION_DIM),
  "shape": (_NUMBERS, SHAPE_DIM),
  "gaze": GAZE_SPEC,
}


def _spec(latent: dict[str, Any], points: int) -> dict[str, Any]:
  """Of a part; all but the first three fields are there only if it was read."""
  return {
    "used": bool,
    "score": float,
    "crop_box": (_NUMBERS, 4),
    "reason": str,
    "latents": latent | _PLACED,
    "rotation": (_NUMBERS, 3, 3),
    "keypoints": {
      "positions": (_NUMBERS, points, 3),
      "reprojected": (_NUMBERS, points, 2),
    },
    "iterations": {"total": (_NUMBERS, "M")},
  }


PART_SPECS: dict[str, dict[str, Any]] = {
  "face": _spec(_FACE, 70),
  "left_hand": _spec(_HAND, 21),
  "right_hand": _spec(_HAND, 21),
}


def part_fields(part: "PartResult", include_trace: bool) -> dict[str, Any]:
  """A face or a hand as plain lists, numbers and strings."""
  result: dict[str, Any] = {
    "used": bool(part.used),
    "score": round(float(part.score), 4),
    "crop_box": rounded(part.crop_box, PIXEL),
  }
  if part.reason:
    result["reason"] = part.reason
  if part.state is None:
    return result
  result |= {
    "latents": latents(part.state),
    "rotation": rounded(part.rotation, LATENT),
    "keypoints": {
      "positions": rounded(part.keypoints, METRES),
      "reprojected": rounded(part.keypoints_2d, PIXEL),
    },
    "iterations": {
      name: significant(values)
      for name, values in part.trace.terms._asdict().items()
    },
  }
  if include_trace:
    result["trace"] = latents(part.trace.state)
  return result
