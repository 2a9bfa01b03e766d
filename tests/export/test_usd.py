"""USD files, read and posed again by USD's own skeletons."""

import numpy as np
import pytest

from hund_tf import types
from hund_tf.body import skeleton
from hund_tf.export import rig
from hund_tf.export.rig import Keys, RiggedPerson
from hund_tf.export.rigged import View
from hund_tf.export.usd import write_usd
from hund_tf.types import HumanState, Intrinsics

pytest.importorskip("pxr", reason="needs the extra `usd`")
from pxr import (  # noqa: E402
  Usd,
  UsdGeom,
  UsdShade,
  UsdSkel,
  UsdValidation,
)

_FLIP = np.diag([1.0, -1.0, -1.0])  # from the camera frame to the file's


@pytest.fixture(scope="module", name="motion")
def _motion(body_model):
  """Random states, of one shape each three, and their bodies."""
  random = np.random.default_rng(5)
  draw = lambda size: random.normal(size=(6, size)).astype(np.float32)
  state = HumanState(*(draw(size) for size in types.STATE_DIMS))
  state = state._replace(
    shape=np.repeat(state.shape[::3], 3, axis=0),
    translation=state.translation * 0.3 + np.float32([0, 0, 4]),
  )
  body = body_model.decode(state)
  return state, types.BodyOutput(*(np.array(x) for x in body))


@pytest.fixture(scope="module", name="people")
def _people(motion, body_model):
  """Somebody in motion, somebody whose bones change, and somebody still."""
  state, body = motion
  person = lambda row, **more: RiggedPerson(
    state.shape[row],
    state.expression[row],
    body.rotations[row],
    state.translation[row],
    **more,
  )
  times = np.array([0.0, 0.5, 1.0])
  pick = lambda rows: (body.rotations[rows], state.translation[rows])
  moving = Keys(times, *pick([0, 1, 2]), state.expression[:3])
  changing = Keys(
    times,
    *pick([2, 3, 4]),
    bones=rig.bones(body_model, state.shape[[2, 3, 4]]),
  )
  return [
    person(0, keys=moving, name="ann 1"),
    person(4, keys=changing, name="ann 1"),
    person(5),
  ]


@pytest.fixture(scope="module", name="path")
def _path(people, body_model, tmp_path_factory):
  path = tmp_path_factory.mktemp("usd") / "a.usdc"
  camera = Intrinsics(np.float32([900, 950]), np.float32([310, 260]))
  write_usd(path, people, body_model, View(camera, 640, 480))
  return path


def _query(stage, name):
  """USD's view of somebody's skeleton, and of what hangs on it."""
  root = UsdSkel.Root(stage.GetPrimAtPath(f"/people/{name}"))
  cache = UsdSkel.Cache()
  cache.Populate(root, Usd.PrimDefaultPredicate)
  (binding,) = cache.ComputeSkelBindings(root, Usd.PrimDefaultPredicate)
  return cache.GetSkelQuery(binding.GetSkeleton()), binding


def _joints(stage, name, second):
  """Local and global transforms of columns, `[63, 4, 4]` each, by USD."""
  code = Usd.TimeCode(second * stage.GetTimeCodesPerSecond())
  query, _ = _query(stage, name)
  places = query.ComputeJointWorldTransforms(UsdGeom.XformCache(code))
  found = query.ComputeJointLocalTransforms(code), places
  return [np.array(matrices).swapaxes(1, 2) for matrices in found]


# Somebody's name, time, and the row of the motion that it shows.
@pytest.mark.parametrize(
  ("name", "second", "row"),
  [
    *[("ann_1", second, row) for row, second in enumerate((0.0, 0.5, 1.0))],
    *[("ann_1_", second, 2 + row) for row, second in ((0, 0.0), (2, 1.0))],
    ("person_2", 0.7, 5),
  ],
)
def test_joints_stand_and_turn_as_the_models(path, motion, name, second, row):
  _, body = motion
  local, places = _joints(Usd.Stage.Open(str(path)), name, second)
  np.testing.assert_allclose(
    places[:, :3, 3], body.joints[row] @ _FLIP, atol=1e-4
  )
  expected = body.rotations[row].copy()
  expected[0] = _FLIP @ expected[0]
  turn = np.swapaxes(local[:, :3, :3], 1, 2) @ expected
  sine = np.linalg.norm(turn - np.swapaxes(turn, 1, 2), axis=(1, 2)) / 8**0.5
  assert np.degrees(sine).max() < 0.01
  np.testing.assert_allclose(np.linalg.det(local[:, :3, :3]), 1.0, atol=1e-4)


def test_between_keys_it_moves(path):
  stage = Usd.Stage.Open(str(path))
  before, between, after = (
    _joints(stage, "ann_1", second)[1][:, :3, 3] for second in (0.0, 0.25, 0.5)
  )
  assert np.linalg.norm(between - before, axis=1).min() > 1e-3
  assert np.linalg.norm(between - after, axis=1).min() > 1e-3
  assert stage.GetStartTimeCode() == 0.0
  assert stage.GetEndTimeCode() == stage.GetTimeCodesPerSecond()


def test_skin_baked_by_usd_is_the_bodys(path, motion):
  _, body = motion
  stage = Usd.Stage.Open(str(path))
  assert UsdSkel.BakeSkinning(stage.Traverse())
  code = stage.GetTimeCodesPerSecond()
  for name, row in (("ann_1", 2), ("ann_1_", 4), ("person_2", 5)):
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath(f"/people/{name}/{name}_body"))
    points = np.array(mesh.GetPointsAttr().Get(code))
    np.testing.assert_allclose(points, body.vertices[row] @ _FLIP, atol=1e-4)


def test_at_rest_it_is_a_t_pose_that_faces_z(path, motion, body_model):
  state, _ = motion
  stage = Usd.Stage.Open(str(path))
  assert UsdGeom.GetStageUpAxis(stage) == "Y"
  assert UsdGeom.GetStageMetersPerUnit(stage) == 1.0
  query, binding = _query(stage, "ann_1")
  (skin,) = binding.GetSkinningTargets()
  weights = np.array(skin.GetJointWeightsPrimvar().Get()).reshape(-1, 4)
  np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-6)
  assert weights.min() >= 0.0
  rest = np.array(query.ComputeJointSkelTransforms(0, atRest=True))
  np.testing.assert_allclose(
    rest[:, :3, :3], np.eye(3)[None] + np.zeros_like(rest[:, :3, :3]), atol=1e-6
  )
  place = lambda name: rest[skeleton.INDEX[name], 3, :3]
  assert place("head")[1] > 0.4
  assert place("l_wrist")[0] > 0.4 and abs(place("l_wrist")[1] - 0.45) < 0.2
  assert place("l_eye")[2] > place("head")[2] + 0.03
  bound = np.array(query.GetJointWorldBindTransforms())[:, 3, :3]
  joints = np.array(body_model.rest_joints(state.shape[:1]))[0]
  np.testing.assert_allclose(bound, joints, atol=1e-5)


def test_the_camera_sees_what_the_photo_shows(path):
  stage = Usd.Stage.Open(str(path))
  camera = UsdGeom.Camera(stage.GetPrimAtPath("/people/camera")).GetCamera()
  window = camera.frustum.GetWindow()
  # Rays of the photo's corners (0, 480) and (640, 0).
  assert [*window.GetMin()] == pytest.approx([-310 / 900, -220 / 950])
  assert [*window.GetMax()] == pytest.approx([330 / 900, 260 / 950])
  assert camera.horizontalAperture == pytest.approx(0.36)  # 36 mm
  np.testing.assert_array_equal(np.array(camera.transform), np.eye(4))


def test_usds_own_validators_find_nothing(path, motion):
  stage = Usd.Stage.Open(str(path))
  validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
  assert len(validators) > 10
  errors = UsdValidation.ValidationContext(validators).Validate(stage)
  assert [error.GetErrorAsString() for error in errors] == []
  prim = stage.GetPrimAtPath("/people/ann_1/ann_1_body")
  material, _ = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()
  assert material.GetPath() == "/people/ann_1/ann_1_material"


def test_wrong_names_and_people_are_told(people, body_model, tmp_path):
  with pytest.raises(ValueError, match="a.glb: is no name of a USD file"):
    write_usd(tmp_path / "a.glb", people, body_model)
  with pytest.raises(ValueError, match="a.usdc: there is nobody to write"):
    write_usd(tmp_path / "a.usdc", [], body_model)
  assert not list(tmp_path.iterdir())
