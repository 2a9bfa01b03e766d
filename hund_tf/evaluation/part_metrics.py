"""Errors of hands and faces: of 21 joints, of regions of the mesh, of pixels.

As in `metrics`, everything is float64 numpy over leading axes `[...]`, weights
`[..., N]` of 0 are missing points, and what cannot be said is NaN.
"""

import numpy as np

from hund_tf.body import skeleton
from hund_tf.body.asset import BodyAsset
from hund_tf.evaluation import metrics

WRIST = 0  # of a hand's 21
OUTER_EYE_CORNERS = (36, 45)  # of iBUG's 68
CONTOUR = 17  # of the 68, which come first: the jaw's outline
REGIONS = ("face", "left_hand", "right_hand")
_MOVED = 1e-4  # metres per standard deviation, from which on a vertex of the
# head belongs to the face
_OWNED = 0.5  # share of skin weights that makes a vertex a region's
_ROOTS = {"face": "head", "left_hand": "l_wrist", "right_hand": "r_wrist"}


def hand_errors(
  joints: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None
) -> dict[str, np.ndarray]:
  """Mean distances of a hand's joints, `[...]` each.

  `pa_mpjpe` after the best similarity, as FreiHAND's evaluation aligns;
  `mpjpe` with the wrists moved together; `scaled_mpjpe` with the wrists moved
  together and the hand made larger or smaller about its wrist by the factor of
  least squares, s = sum(w p t) / sum(w p p) over coordinates from the wrist.

  Args:
    joints: `[..., 21, 3]`, any unit; so are the results.
    truth: `[..., 21, 3]`.
    weights: `[..., 21]`; without the wrist's the last two are NaN.

  Raises:
    ValueError: if shapes do not agree or a weight is negative.
  """
  joints, truth = np.asarray(joints, float), np.asarray(truth, float)
  known = np.ones(truth.shape[:-1]) if weights is None else weights
  known = np.asarray(known, float)
  rooted, true_rooted = (
    np.where(known[..., None] > 0, points - points[..., [WRIST], :], 0.0)
    for points in (joints, truth)
  )
  share = known[..., None]
  product = (share * rooted * true_rooted).sum((-1, -2))
  square = (share * rooted**2).sum((-1, -2))
  scale = np.divide(
    product, square, out=np.zeros_like(square), where=square > 0.0
  )
  has_wrist = known[..., WRIST] > 0
  scaled = scale[..., None, None] * rooted
  return {
    "pa_mpjpe": metrics.pa_mpjpe(joints, truth, weights),
    "mpjpe": np.where(
      has_wrist, metrics.mpjpe(rooted, true_rooted, weights=known), np.nan
    ),
    "scaled_mpjpe": np.where(
      has_wrist, metrics.mpjpe(scaled, true_rooted, weights=known), np.nan
    ),
  }


def region_vertices(asset: BodyAsset, region: str) -> np.ndarray:
  """Vertices `[N]` of the full mesh that belong to a hand or to the face.

  A hand has those of which the wrist and the fingers have at least half of the
  skin weights, the face those of the head, jaw and eyes that an expression
  moves by a tenth of a millimetre or more.

  Raises:
    ValueError: if there is no such region.
  """
  if region not in _ROOTS:
    raise ValueError(
      f"region is {region!r}, expected one of {', '.join(REGIONS)}"
    )
  below = [skeleton.INDEX[_ROOTS[region]]]
  for joint, parent in enumerate(skeleton.PARENTS):
    if parent in below:
      below.append(joint)
  owned = asset.dense_skin_weights()[:, below].sum(axis=1) >= _OWNED
  if region == "face":
    moved = np.linalg.norm(asset.dense_expression_basis(), axis=-1).max(axis=0)
    owned &= moved >= _MOVED
  return np.flatnonzero(owned)


def region_pve(
  vertices: np.ndarray, truth: np.ndarray, region: np.ndarray
) -> dict[str, np.ndarray]:
  """Mean distances of the vertices of a region, `[...]` each.

  `pve` with the means of the region moved together, `pa_pve` after the best
  similarity.

  Args:
    vertices: `[..., V, 3]`, any unit; so are the results.
    truth: `[..., V, 3]`.
    region: `[N]`, as of `region_vertices`.

  Raises:
    ValueError: if shapes do not agree.
  """
  own, true = (np.asarray(x, float)[..., region, :] for x in (vertices, truth))
  return {
    "pve": metrics.mpjpe(own, true, own.mean(axis=-2), true.mean(axis=-2)),
    "pa_pve": metrics.pa_mpjpe(own, true),
  }


def box_distances(
  points: np.ndarray, annotated: np.ndarray, box: np.ndarray
) -> np.ndarray:
  """Distances `[..., N]` of pixels in larger sides of boxes.

  Args:
    points: `[..., N, 2]` pixels.
    annotated: `[..., N, 2]` pixels.
    box: `[..., 4]` left, top, width, height; without area: NaN.
  """
  side = np.asarray(box, float)[..., 2:].max(axis=-1)
  return _over(points, annotated, side)


def eye_distances(points: np.ndarray, annotated: np.ndarray) -> np.ndarray:
  """Distances `[..., 68]` of a face's points over that of its eyes.

  Their mean is the NME of 300-W: the unit is the distance of the outer corners
  of the annotated eyes.

  Args:
    points: `[..., 68, 2]` pixels, iBUG's order.
    annotated: `[..., 68, 2]` pixels.
  """
  annotated = np.asarray(annotated, float)
  right, left = (annotated[..., corner, :] for corner in OUTER_EYE_CORNERS)
  return _over(points, annotated, np.linalg.norm(left - right, axis=-1))


def _over(points, annotated, unit: np.ndarray) -> np.ndarray:
  offset = np.asarray(points, float) - np.asarray(annotated, float)
  distance = np.linalg.norm(offset, axis=-1)
  unit = np.broadcast_to(unit[..., None], distance.shape)
  return np.divide(
    distance, unit, out=np.full(distance.shape, np.nan), where=unit > 0.0
  )
