"""Photos to people as a SavedModel: bytes in, people in 3D out.

Signatures; B photos (also 0), P the most people of a photo, which `num_people`
of the first rows are of and the others are zeros:

  serving_default    image_bytes [B] string, focal_px and height_m: see below
  people_with_mesh   the same; besides, `vertices [B, P, V, 3]` metres
  reconstruct_boxes  besides, boxes [B, P, 4] float32 (left, top, width, height,
                     pixels) in place of a search; zeros: none
  detect             image_bytes; landmarks alone, no bodies
  features           K, B and intrinsics of crops, as `saved_model` has them, to
                     the trace of states and meshes
  topology           nothing; gives the triangles `faces [F, 3]` of the mesh

`focal_px`, pixels, and `height_m`, metres, the stature of everybody in a photo,
are [B] float32, or [1] for all photos; 0 is not known, which is the default
where a request leaves them out (TensorFlow Serving; Python's signatures want
all inputs). `model(image_bytes)` is `serving_default` without either.

`detect_poses(image)` and `estimate_poses(image, boxes)` take a decoded photo
[H, W, 3] uint8 and give `boxes [N, 5]` with scores, `poses3d [N, 63, 3]` (in
millimetres) and `poses2d [N, 63, 2]` of its N people; the same of many photos
[B, H, W, 3], `detect_poses_batched` and `estimate_poses_batched`, are ragged.

Outputs, float32 where nothing else is said:

  num_people   [B] int32; -1: the bytes are no photo
  num_people_found  [B] int32, without the limit of P; people beyond it take no
               pixels of the others' masks
  error        [B] string; empty for none
  image_size   [B, 2] int32 height, width of the upright photo
  exif_focal_px  [B] focal length, pixels, as a JPEG's EXIF says; 0: it does not
  boxes        [B, P, 4] left, top, width, height, pixels
  box_index    [B, P] int32, of the given boxes which it is; else the row
  scores       [B, P] probability of a person
  landmarks    [B, P, 137, 3] what is seen: x, y (pixels) and confidence
  camera       [B, 4] fx, fy, cx, cy, pixels
  joints, keypoints_3d, rotations  [B, P, 63, 3], [B, P, 137, 3] (metres,
               camera frame) and [B, P, 63, 3, 3]
  keypoints_2d [B, P, 137, 2] reprojected, pixels
  state/*      of the last state, the fields of `HumanState`
  quality, uncertainty  [B, P], [B, P, 63] where the weights have them

Without a focal length it is EXIF's, and without that max(H, W). A photo of
which the boxes, the focal length or the stature are not usable has `num_people`
-1, too.
"""

import io
import json
from collections.abc import Callable

import numpy as np

import hund_tf
from hund_tf.body import keypoints, skeleton
from hund_tf.compat import tf
from hund_tf.detection.search import SearchConfig
from hund_tf.export import licences, warmup
from hund_tf.export.in_graph.detector import Detections, GraphDetector
from hund_tf.export.in_graph.features import image_features, qualities
from hund_tf.export.in_graph.networks import Shared
from hund_tf.export.in_graph.people import PeopleFinder
from hund_tf.export.pose_methods import PoseMethods
from hund_tf.export.saved_model import ReconstructionModule
from hund_tf.geometry import camera
from hund_tf.photos.heights import HIGHEST, LOWEST
from hund_tf.reconstruction.quality import QualityCalibration
from hund_tf.types import (
  STATE_DIMS,
  AlignmentTerms,
  BodyOutput,
  HumanState,
  Intrinsics,
)

_BYTES = tf.TensorSpec([None], tf.string, "image_bytes")
_FOCAL = tf.TensorSpec([None], tf.float32, "focal_px")
_HEIGHT = tf.TensorSpec([None], tf.float32, "height_m")
_BOXES = tf.TensorSpec([None, None, 4], tf.float32, "boxes")
_NO_FOCAL = "focal_px: expected 0.2 to 30 larger sides of the photo, or 0"
_NO_HEIGHT = f"height_m: expected {LOWEST} to {HIGHEST} metres, or 0"
_NO_NUMBER = "focal_px, height_m: expected one number, or one for each photo"


class PeopleModule(tf.Module):
  """Photos to people, with typed signatures and flat dicts of outputs."""

  def __init__(
    self,
    descent: ReconstructionModule,
    calibration: QualityCalibration | None = None,
    max_people: int = 8,
    max_pixels: int = 25_000_000,
    search: SearchConfig | None = None,
    example: bytes = b"",
  ):
    """Joins what finds people and what reconstructs them.

    Args:
      descent: reads landmarks alone: without features F.
      calibration: of its weights, for `quality`.
      max_people: P.
      max_pixels: of a photo; a larger one is an error.
      search: for people.
      example: a photo's bytes, for TensorFlow Serving to warm up with.
    """
    super().__init__(name="people")
    self._descent = descent
    self._finder = PeopleFinder(GraphDetector(search), max_people, max_pixels)
    self._calibration = calibration
    self._max_people = max_people
    self._max_pixels = max_pixels
    self._example = example
    self._run = Shared(descent.reconstruct, descent.input_specs())
    numbers = lambda *sizes: [tf.TensorSpec([None, size]) for size in sizes]
    self._made_tall = Shared(
      descent.made_tall,
      HumanState(*numbers(*STATE_DIMS)),
      Intrinsics(*numbers(2, 2)),
      tf.TensorSpec([None]),
    )
    self._find = Shared(self._finder.search, _BYTES)
    self._all = Shared(self._with_mesh, _BYTES, _FOCAL, _HEIGHT)
    self._of_boxes = Shared(self._in_boxes, _BYTES, _BOXES, _FOCAL, _HEIGHT)
    self.__call__ = tf.function(
      lambda image_bytes: self._people(image_bytes),
      autograph=False,
      input_signature=[_BYTES],
    )
    poses = PoseMethods(self._all, self._of_boxes)
    self.detect_poses = poses.detect_poses
    self.detect_poses_batched = poses.detect_poses_batched
    self.estimate_poses = poses.estimate_poses
    self.estimate_poses_batched = poses.estimate_poses_batched

  def signatures(self) -> dict[str, Callable]:
    """See the module."""
    unknown = tf.zeros([1])

    def people(image_bytes, focal_px=unknown, height_m=unknown):
      return self._people(image_bytes, focal_px, height_m)

    def with_mesh(image_bytes, focal_px=unknown, height_m=unknown):
      return self._all(image_bytes, focal_px, height_m)

    def in_boxes(image_bytes, boxes, focal_px=unknown, height_m=unknown):
      return self._of_boxes(image_bytes, boxes, focal_px, height_m)

    traced = lambda function, *specs: tf.function(
      function, autograph=False, input_signature=specs
    )
    return {
      "serving_default": traced(people, _BYTES, _FOCAL, _HEIGHT),
      "people_with_mesh": traced(with_mesh, _BYTES, _FOCAL, _HEIGHT),
      "reconstruct_boxes": traced(in_boxes, _BYTES, _BOXES, _FOCAL, _HEIGHT),
      "detect": traced(lambda image_bytes: self._find(image_bytes)[0], _BYTES),
      "topology": traced(self._descent.topology),
      "features": self._features(),
    }

  def _features(self) -> tf.types.experimental.ConcreteFunction:
    """From features of crops to the trace."""
    run = lambda **inputs: self._run(inputs)
    traced = tf.function(run, autograph=False)
    return traced.get_concrete_function(**self._descent.input_specs())

  def extra_files(self) -> dict[str, bytes]:
    """For the folder `assets.extra`.

    `people.json` has the names of the rows and the shapes of the outputs,
    `topology.npy` the triangles, `tf_serving_warmup_requests` the example;
    besides, licences.
    """
    outputs = self._all.concrete.structured_outputs
    content = {
      "version": hund_tf.__version__,
      "max_people": self._max_people,
      "max_pixels": self._max_pixels,
      "joints": skeleton.NAMES,
      "joint_parents": skeleton.PARENTS,
      "keypoints": keypoints.NAMES,
      "outputs": {
        name: {"shape": value.shape.as_list(), "type": value.dtype.name}
        for name, value in sorted(outputs.items())
      },
    }
    triangles = io.BytesIO()
    np.save(triangles, self._descent.topology()["faces"].numpy())
    return {
      "people.json": (json.dumps(content, indent=1) + "\n").encode(),
      "topology.npy": triangles.getvalue(),
      "tf_serving_warmup_requests": warmup.requests(
        "serving_default", {"image_bytes": [self._example]}
      ),
      **licences.texts(),
    }

  def _people(
    self,
    image_bytes: tf.Tensor,
    focal_px: tf.Tensor | None = None,
    height_m: tf.Tensor | None = None,
  ) -> dict[str, tf.Tensor]:
    unknown = tf.zeros([1])
    given = (unknown if x is None else x for x in (focal_px, height_m))
    outputs = dict(self._all(image_bytes, *given))
    del outputs["vertices"]
    return outputs

  def _with_mesh(self, image_bytes, focal_px, height_m):
    found, people = self._find(image_bytes)
    return self._reconstructed(found, people, focal_px, height_m)

  def _in_boxes(self, image_bytes, boxes, focal_px, height_m):
    found, people = self._finder.in_boxes(image_bytes, boxes)
    outputs = self._reconstructed(found, people, focal_px, height_m)
    del outputs["vertices"]
    return outputs

  def _reconstructed(
    self,
    found: dict[str, tf.Tensor],
    people: Detections,
    focal_px: tf.Tensor,
    height_m: tf.Tensor,
  ) -> dict[str, tf.Tensor]:
    """The outputs with those of the bodies `[B, P, ...]`."""
    batch, most = tf.unstack(tf.shape(people.scores))
    size = tf.cast(found["image_size"], tf.float32)
    side = tf.reduce_max(size, axis=-1)
    focal_px, uncounted = _of_each(focal_px, batch)
    height_m, wrong = _of_each(height_m, batch)
    outside = lambda x, low, high: (
      tf.not_equal(x, 0.0) & ~((x >= low) & (x <= high))
    )
    error = found["error"]
    for is_wrong, text in (
      (uncounted | wrong, _NO_NUMBER),
      (outside(focal_px, 0.2 * side, 30.0 * side), _NO_FOCAL),
      (outside(height_m, LOWEST, HIGHEST), _NO_HEIGHT),
    ):
      error = tf.where(is_wrong & tf.equal(error, ""), text, error)
    wrong = tf.not_equal(error, "")
    of_exif = found["exif_focal_px"]
    assumed = tf.where(of_exif > 0.0, of_exif, side)
    focal = tf.where(wrong | tf.equal(focal_px, 0.0), assumed, focal_px)
    count = tf.where(wrong, -1, found["num_people"])
    cameras = tf.stack([focal, focal, size[:, 1] / 2, size[:, 0] / 2], axis=-1)
    there = tf.where(tf.range(most) < count[:, None])  # photo, row
    own = tf.gather(cameras, there[:, 0])
    rows = Detections(*(tf.gather_nd(x, there) for x in people))
    bodies = self._bodies(
      rows,
      Intrinsics(own[:, :2], own[:, 2:]),
      tf.gather(height_m, there[:, 0]),
    )
    shape = tf.stack([batch, most])
    outputs = {
      name: tf.scatter_nd(
        tf.cast(there, tf.int32),
        value,
        tf.concat([shape, tf.shape(value)[1:]], axis=0),
      )
      for name, value in bodies.items()
    }
    return {
      **found,
      **outputs,
      "num_people": count,
      "error": error,
      "camera": cameras,
    }

  def _bodies(
    self, people: Detections, cameras: Intrinsics, heights: tf.Tensor
  ) -> dict[str, tf.Tensor]:
    """The bodies of N people, each in its own photo's camera.

    Those of a stature above 0 metres are made so tall.
    """
    count = tf.shape(people.scores)[0]
    # Convolutions on CPUs take no empty batches: somebody is made up then.
    missing = tf.cast(tf.equal(count, 0), tf.int32)
    fill = lambda x: tf.pad(
      x,
      [[0, missing]] + [[0, 0]] * (len(x.shape) - 1),
      constant_values=1.0,
    )
    people = Detections(*(fill(x) for x in people))
    cameras = Intrinsics(*(fill(x) for x in cameras))
    features = image_features(people)
    crops = camera.crop_intrinsics(cameras, people.crop_boxes)
    inputs = features._asdict() | crops._asdict()
    del inputs["features"]  # it has no channels
    found = self._run(inputs)
    body = {name: found[name] for name in BodyOutput._fields}
    last = [found[f"state/{name}"][:, -1] for name in HumanState._fields]
    last, body = tf.cond(
      tf.reduce_any(heights > 0.0),
      lambda: self._made_tall(
        HumanState(*last), cameras, tf.pad(heights, [[0, missing]])
      ),
      lambda: (HumanState(*last), body),
    )
    outputs = {
      "joints": body["joints"],
      "keypoints_3d": body["keypoints"],
      "rotations": body["rotations"],
      "vertices": body["vertices"],
      "keypoints_2d": camera.project(body["keypoints"], cameras),
    }
    outputs |= {f"state/{name}": x for name, x in last._asdict().items()}
    polished = "uncertainty" in found
    if polished:
      outputs["uncertainty"] = found["uncertainty"]
    if self._calibration is not None:
      judged = -2 if polished else -1
      terms = AlignmentTerms(
        *(found[f"loss/{name}"][:, judged] for name in AlignmentTerms._fields)
      )
      root = found["state/rotation"][:, judged]
      outputs["quality"] = qualities(self._calibration, features, terms, root)
    return {name: value[:count] for name, value in outputs.items()}


def _of_each(given: tf.Tensor, batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """A number for each of B photos of one or B, and whether there are others."""
  count = tf.size(given)
  fits = tf.equal(count, 1) | tf.equal(count, batch)
  each = tf.cond(
    fits,
    lambda: tf.broadcast_to(given, batch[None]),
    lambda: tf.zeros(batch[None]),
  )
  return tf.ensure_shape(each, [None]), ~fits
