"""Rigged people as Universal Scene Description (USD), by the library usd-core.

The scene is that of `rigged`: y up, metres, the camera at the origin looks
along -z, and whoever faces it faces +z. Below the root `people` each person is
a `SkelRoot` with a `Skeleton` of the 63 joints, an `Animation` of their pose or
motion, and a mesh, skinned with four joints a vertex, whose blend
shapes are the expressions. Joints are bound in the resting A-pose, and their
rest transforms are the T-pose that faces +z.
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from hund_tf.body import skeleton
from hund_tf.body.model import BodyModel
from hund_tf.export import rig
from hund_tf.export.meshes import PERSON_COLORS, linear_color, smooth_normals
from hund_tf.export.rig import Keys, RiggedPerson
from hund_tf.export.rigged import NEAR, View, behind
from hund_tf.extras import load_extra
from hund_tf.files import atomic_path
from hund_tf.types import EXPRESSION_DIM

_CODES = 30.0  # time codes a second
_FILM = 0.36  # width of the film in tenths of a metre, USD's unit: 36 mm
_INFLUENCES = 4  # joints of a vertex
_EXPRESSIONS = [f"expression_{k}" for k in range(EXPRESSION_DIM)]


def write_usd(
  path: str | os.PathLike,
  people: Sequence[RiggedPerson],
  body_model: BodyModel,
  view: View | None = None,
) -> None:
  """Writes people with skin and bones, and their motions.

  Args:
    path: of the file, .usdc (binary) or .usda (text); replaced atomically.
    people: one or more.
    body_model: whose shapes and poses they have.
    view: adds `camera`, with the field of view and the principal point of the
      photo. Its picture is not written: a USD file holds none.

  Raises:
    ValueError: if there is nobody, an array is not usable, or `path` ends in
      something else.
    OutputError: if the file cannot be written.
    ImportError: without the extra `usd`.
  """
  if os.path.splitext(path)[1].lower() not in (".usdc", ".usda"):
    raise ValueError(f"{path}: is no name of a USD file; end it in .usdc")
  rig.check(path, people)
  stage = _Scene(body_model).stage(people, view)
  with atomic_path(path) as temporary:
    stage.GetRootLayer().Export(str(temporary))


class _Scene:
  """Makes the stage; what all people share is prepared once."""

  def __init__(self, body_model: BodyModel):
    self._pxr = load_extra("pxr", "usd")
    for module in ("Gf", "Sdf", "Tf", "Usd", "Vt"):
      load_extra(f"pxr.{module}", "usd")
    for module in ("Geom", "Shade", "Skel"):
      load_extra(f"pxr.Usd{module}", "usd")
    asset = body_model.asset
    self._body_model = body_model
    self._faces = body_model.faces()
    self._uvs, self._uv_faces = body_model.uv()
    weights = np.asarray(asset.skin_weights, np.float64)
    self._weights = weights / weights.sum(axis=1, keepdims=True)
    self._influences = np.where(weights > 0, asset.skin_joints, 0)
    self._joints = self._tokens(joint_paths())

  def stage(self, people: Sequence[RiggedPerson], view: View | None) -> Any:
    """The stage of all of them, in memory."""
    geom = self._pxr.UsdGeom
    stage = self._pxr.Usd.Stage.CreateInMemory()
    geom.SetStageUpAxis(stage, geom.Tokens.y)
    geom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetTimeCodesPerSecond(_CODES)
    stage.SetFramesPerSecond(_CODES)
    ends = [p.keys.times[[0, -1]] for p in people if p.keys is not None]
    if ends:
      stage.SetStartTimeCode(_CODES * float(np.min(ends)))
      stage.SetEndTimeCode(_CODES * float(np.max(ends)))
    root = geom.Xform.Define(stage, "/people").GetPrim()
    stage.SetDefaultPrim(root)
    self._pxr.Usd.ModelAPI(root).SetKind("component")
    taken: set[str] = {"camera"}
    for i, person in enumerate(people):
      name = self._free(person.name or f"person_{i}", taken)
      # Some programs show a prim by its name without its path.
      self._add_person(stage, f"/people/{name}/{name}_", person, i)
    if view is not None:
      self._add_camera(stage, view, people)
    return stage

  def _free(self, name: str, taken: set[str]) -> str:
    """A name that USD allows and nobody has."""
    valid = self._pxr.Tf.MakeValidIdentifier(name)
    while valid in taken:
      valid += "_"
    taken.add(valid)
    return valid

  def _add_person(
    self, stage: Any, prefix: str, person: RiggedPerson, number: int
  ) -> None:
    """Adds a person, with paths that begin so."""
    skel, sdf = self._pxr.UsdSkel, self._pxr.Sdf
    root = skel.Root.Define(stage, os.path.dirname(prefix))
    pose = self._add_skeleton(stage, f"{prefix}skeleton", person)
    self._add_animation(stage, pose, person)
    mesh = self._add_mesh(stage, f"{prefix}body", person)
    binding = skel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([sdf.Path(f"{prefix}skeleton")])
    color = person.color or PERSON_COLORS[number % len(PERSON_COLORS)]
    self._add_material(stage, f"{prefix}material", mesh, linear_color(color))
    skel.BindingAPI.Apply(root.GetPrim())

  def _add_skeleton(self, stage: Any, path: str, person: RiggedPerson) -> str:
    """Adds the joints; returns the path of their animation, not yet there."""
    model, skel = self._body_model, self._pxr.UsdSkel
    skeleton_prim = skel.Skeleton.Define(stage, path)
    inverse = rig.inverse_bind_matrices(model, person.shape)
    at_rest = np.tile(np.eye(4), (len(inverse), 1, 1))
    at_rest[:, :3, 3] = rig.bones(model, person.shape[None])[0]
    skeleton_prim.CreateJointsAttr(self._joints)
    skeleton_prim.CreateBindTransformsAttr(
      self._matrices(np.linalg.inv(inverse))
    )
    skeleton_prim.CreateRestTransformsAttr(self._matrices(at_rest))
    binding = skel.BindingAPI.Apply(skeleton_prim.GetPrim())
    motion = f"{path}/motion"
    binding.CreateAnimationSourceRel().SetTargets([self._pxr.Sdf.Path(motion)])
    return motion

  def _add_animation(self, stage: Any, path: str, person: RiggedPerson) -> None:
    """Adds the pose, or the motion by its keys."""
    vt = self._pxr.Vt
    animation = self._pxr.UsdSkel.Animation.Define(stage, path)
    animation.CreateJointsAttr(self._joints)
    animation.CreateBlendShapesAttr(self._tokens(_EXPRESSIONS))
    ones = vt.Vec3hArray.FromNumpy(np.ones([len(self._joints), 3], np.float16))
    animation.CreateScalesAttr(ones)
    turns = animation.CreateRotationsAttr()
    places = animation.CreateTranslationsAttr()
    weights = animation.CreateBlendShapeWeightsAttr()
    keys = _keys(person, self._body_model)
    pose = rig.placed(keys.rotations, keys.translations)
    quaternions = rig.quaternions(pose.rotations).astype(np.float32)
    expressions = np.array(keys.expressions, np.float32)
    moved = np.array(keys.bones, np.float32)
    moved[:, 0] = pose.translations
    for i, second in enumerate(keys.times):
      code = _CODES * float(second)
      turns.Set(vt.QuatfArray.FromNumpy(quaternions[i]), code)
      places.Set(vt.Vec3fArray.FromNumpy(moved[i]), code)
      weights.Set(self._floats(expressions[i]), code)

  def _add_mesh(self, stage: Any, path: str, person: RiggedPerson) -> Any:
    """Adds the body at rest, with its skin and expressions."""
    vt, geom, sdf = self._pxr.Vt, self._pxr.UsdGeom, self._pxr.Sdf
    shape = np.asarray(person.shape, np.float32)[None]
    neutral = np.zeros((1, EXPRESSION_DIM), np.float32)
    rest = np.asarray(self._body_model.rest_vertices(shape, neutral))[0]
    points = self._vectors(rest)
    mesh = geom.Mesh.Define(stage, path)
    mesh.CreatePointsAttr(points)
    mesh.CreateExtentAttr(geom.PointBased.ComputeExtent(points))
    counts = np.full(len(self._faces), 3, np.int32)
    mesh.CreateFaceVertexCountsAttr(vt.IntArray.FromNumpy(counts))
    mesh.CreateFaceVertexIndicesAttr(self._integers(self._faces))
    mesh.CreateSubdivisionSchemeAttr(geom.Tokens.none)
    mesh.CreateNormalsAttr(self._vectors(smooth_normals(rest, self._faces)))
    mesh.SetNormalsInterpolation(geom.Tokens.vertex)
    st = geom.PrimvarsAPI(mesh).CreatePrimvar(
      "st", sdf.ValueTypeNames.TexCoord2fArray, geom.Tokens.faceVarying
    )
    uvs = np.ascontiguousarray(self._uvs, np.float32)
    st.Set(vt.Vec2fArray.FromNumpy(uvs))
    st.SetIndices(self._integers(self._uv_faces))
    binding = self._pxr.UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateJointIndicesPrimvar(False, _INFLUENCES).Set(
      self._integers(self._influences)
    )
    binding.CreateJointWeightsPrimvar(False, _INFLUENCES).Set(
      self._floats(self._weights)
    )
    self._add_expressions(stage, path, binding)
    return mesh

  def _add_expressions(self, stage: Any, path: str, binding: Any) -> None:
    """Adds a blend shape for each component, of the vertices that it moves."""
    asset = self._body_model.asset
    ids = self._integers(asset.expression_ids)
    paths = []
    for name, offsets in zip(_EXPRESSIONS, asset.expression_basis, strict=True):
      shape = self._pxr.UsdSkel.BlendShape.Define(stage, f"{path}/{name}")
      shape.CreateOffsetsAttr(self._vectors(offsets))
      shape.CreateNormalOffsetsAttr(self._vectors(np.zeros_like(offsets)))
      shape.CreatePointIndicesAttr(ids)
      paths.append(shape.GetPath())
    binding.CreateBlendShapesAttr(self._tokens(_EXPRESSIONS))
    binding.CreateBlendShapeTargetsRel().SetTargets(paths)

  def _add_material(
    self, stage: Any, path: str, mesh: Any, color: Sequence[float]
  ) -> None:
    shade, types = self._pxr.UsdShade, self._pxr.Sdf.ValueTypeNames
    material = shade.Material.Define(stage, path)
    surface = shade.Shader.Define(stage, f"{path}/surface")
    surface.CreateIdAttr("UsdPreviewSurface")
    tone = self._pxr.Gf.Vec3f(*map(float, color))
    surface.CreateInput("diffuseColor", types.Color3f).Set(tone)
    surface.CreateInput("roughness", types.Float).Set(0.7)
    surface.CreateInput("metallic", types.Float).Set(0.0)
    material.CreateSurfaceOutput().ConnectToSource(
      surface.CreateOutput("surface", types.Token)
    )
    shade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(material)
    mesh.CreateDisplayColorAttr([tone])

  def _add_camera(
    self, stage: Any, view: View, people: Sequence[RiggedPerson]
  ) -> None:
    """Adds the camera of the photo: the rays of its pixels, to its border."""
    camera = self._pxr.UsdGeom.Camera.Define(stage, "/people/camera")
    size = np.array([view.width, view.height], np.float64)
    focal = np.asarray(view.intrinsics.focal, np.float64)
    center = np.asarray(view.intrinsics.center, np.float64)
    length = _FILM * focal[0] / size[0]
    aperture = length * size / focal
    # The window's middle; y of pixels is down.
    offset = length * (size / 2.0 - center) / focal * [1.0, -1.0]
    camera.CreateProjectionAttr("perspective")
    camera.CreateFocalLengthAttr(float(length))
    camera.CreateHorizontalApertureAttr(float(aperture[0]))
    camera.CreateVerticalApertureAttr(float(aperture[1]))
    camera.CreateHorizontalApertureOffsetAttr(float(offset[0]))
    camera.CreateVerticalApertureOffsetAttr(float(offset[1]))
    far = 2.0 * behind(people)
    camera.CreateClippingRangeAttr(self._pxr.Gf.Vec2f(NEAR, far))

  def _tokens(self, names: Sequence[str]) -> Any:
    return self._pxr.Vt.TokenArray(list(names))

  def _vectors(self, values: np.ndarray) -> Any:
    values = np.ascontiguousarray(values, np.float32)
    return self._pxr.Vt.Vec3fArray.FromNumpy(values)

  def _floats(self, values: np.ndarray) -> Any:
    return self._pxr.Vt.FloatArray.FromNumpy(
      np.ascontiguousarray(values, np.float32).ravel()
    )

  def _integers(self, values: np.ndarray) -> Any:
    return self._pxr.Vt.IntArray.FromNumpy(
      np.ascontiguousarray(values, np.int32).ravel()
    )

  def _matrices(self, values: np.ndarray) -> Any:
    """Of matrices `[N, 4, 4]` of column vectors; USD has those of rows."""
    rows = np.ascontiguousarray(np.swapaxes(values, 1, 2), np.float64)
    return self._pxr.Vt.Matrix4dArray.FromNumpy(rows)


def joint_paths() -> list[str]:
  """Of each joint its ancestors and itself, as USD names joints."""
  paths: list[str] = []
  for name, parent in zip(skeleton.NAMES, skeleton.PARENTS, strict=True):
    paths.append(name if parent < 0 else f"{paths[parent]}/{name}")
  return paths


def _keys(person: RiggedPerson, body_model: BodyModel) -> Keys:
  """At least two keys, with all fields.

  Blender reads the pose of a motion alone: a still one is there twice.
  """
  keys = person.keys or Keys(
    np.zeros(1), person.rotations[None], person.translation[None]
  )
  count = len(keys.times)
  bones, expressions = keys.bones, keys.expressions
  if bones is None:
    bones = np.repeat(rig.bones(body_model, person.shape[None]), count, axis=0)
  if expressions is None:
    expressions = np.repeat(person.expression[None], count, axis=0)
  times, rows = keys.times, np.arange(count)
  if count == 1:
    times, rows = times + np.arange(2) / _CODES, np.zeros(2, int)
  return Keys(
    times,
    keys.rotations[rows],
    keys.translations[rows],
    expressions[rows],
    bones[rows],
  )
