"""Rigged files, read and posed again by pygltflib and numpy."""

from types import SimpleNamespace

import numpy as np
import pytest
import trimesh

from hund_tf import types
from hund_tf.body import skeleton
from hund_tf.export import rig
from hund_tf.export.rig import Keys, RiggedPerson
from hund_tf.export.rigged import View, write_rigged
from hund_tf.types import HumanState, Intrinsics
from tests.export.gltf_reader import Viewer

_FLIP = np.diag([1.0, -1.0, -1.0])  # from the camera frame to the file's


@pytest.fixture(scope="module", name="motion")
def _motion(body_model):
  """Bodies of four random states of one shape, and the states."""
  random = np.random.default_rng(3)
  draw = lambda size: random.normal(size=(4, size)).astype(np.float32)
  state = HumanState(*(draw(size) for size in types.STATE_DIMS))
  state = state._replace(
    shape=np.tile(state.shape[:1], (4, 1)),
    translation=state.translation * 0.3 + np.float32([0, 0, 4]),
  )
  body = body_model.decode(state)
  return state, types.BodyOutput(*(np.array(x) for x in body))


def _person(state, body, row, **options) -> RiggedPerson:
  return RiggedPerson(
    state.shape[row],
    state.expression[row],
    body.rotations[row],
    state.translation[row],
    **options,
  )


def _source(model) -> np.ndarray:
  """The vertex that each vertex of a file with split seams comes from."""
  coordinates, faces = model.uv()
  pairs = np.stack([model.faces(), faces], -1).reshape(-1, 2)
  assert len(coordinates) > model.asset.num_vertices
  return np.unique(pairs, axis=0)[:, 0]


def _agrees(viewer, name, body, row, source, degrees, millimetres):
  """Joints, rotations and skin of a person in a viewer are those of a row."""
  worst = [0.0, 0.0]
  for j, joint in enumerate(skeleton.NAMES):
    index = viewer.node(joint, below=name)
    expected = body.rotations[row, j]
    if j == 0:
      expected = _FLIP @ expected
    turn = viewer.local(index)[:3, :3].T @ expected
    angle = np.linalg.norm(turn - turn.T) / np.sqrt(8.0)  # sine of it
    place = viewer.world(index)[:3, 3] - body.joints[row, j] @ _FLIP
    worst = np.maximum(worst, [np.degrees(angle), 1e3 * np.linalg.norm(place)])
  assert worst[0] < degrees and worst[1] < millimetres, worst
  off = viewer.skinned(name) - (body.vertices[row] @ _FLIP)[source]
  assert 1e3 * np.abs(off).max() < millimetres


def test_people_stand_as_they_are(body_model, motion, tmp_path):
  state, body = motion
  path = tmp_path / "a.glb"
  people = [_person(state, body, 0), _person(state, body, 1, name="ann")]
  write_rigged(path, people, body_model)
  viewer = Viewer(path)
  source = _source(body_model)
  for row, name in enumerate(("person_0", "ann")):
    _agrees(viewer, name, body, row, source, 0.001, 0.01)
  assert not viewer.file.animations and not viewer.file.cameras


def test_at_rest_it_faces_z_in_a_t_pose(body_model, motion, tmp_path):
  state, _ = motion
  still = RiggedPerson(
    state.shape[0], np.zeros(20), np.tile(np.eye(3), (63, 1, 1)), np.zeros(3)
  )
  write_rigged(tmp_path / "a.glb", [still], body_model)
  viewer = Viewer(tmp_path / "a.glb")
  place = lambda name: viewer.world(viewer.node(name))[:3, 3] * [1, -1, -1]
  # The pelvis is turned with the camera frame; without that turn:
  assert place("head")[1] > 0.4  # y up
  assert place("l_wrist")[0] > 0.5 and abs(place("l_wrist")[1] - 0.45) < 0.2
  assert place("l_eye")[2] > place("head")[2] + 0.03  # faces z


def test_a_motion_is_kept_key_by_key(body_model, motion, tmp_path):
  state, body = motion
  times = np.array([0.0, 0.04, 0.1, 0.15])
  keys = Keys(times, body.rotations, state.translation, state.expression)
  path = tmp_path / "a.glb"
  write_rigged(path, [_person(state, body, 0, keys=keys)], body_model)
  viewer = Viewer(path)
  (animation,) = viewer.file.animations
  found = viewer.array(animation.samplers[0].input)[:, 0]
  np.testing.assert_allclose(found, times, atol=1e-6)
  source = _source(body_model)
  for row in range(4):
    viewer.set_key(row)
    _agrees(viewer, "person_0", body, row, source, 0.01, 0.1)


def test_bones_may_change_with_the_keys(body_model, motion, tmp_path):
  state, body = motion
  state = state._replace(shape=-state.shape)
  shorter = body_model.decode(state)
  keys = Keys(
    np.arange(4.0),
    body.rotations,
    state.translation,
    bones=rig.bones(body_model, state.shape),
  )
  path = tmp_path / "a.glb"
  people = [_person(motion[0], body, 0, keys=keys)]
  write_rigged(path, people, body_model)
  viewer = Viewer(path)
  viewer.set_key(2)
  for j, joint in enumerate(skeleton.NAMES):
    place = viewer.world(viewer.node(joint))[:3, 3]
    expected = np.array(shorter.joints)[2, j] @ _FLIP
    np.testing.assert_allclose(place, expected, atol=1e-4)


def test_a_descent_ends_in_the_result(body_model, motion):
  states, body = motion
  row = lambda values, i: type(values)(*(x[i] for x in values))
  result = SimpleNamespace(
    state=row(states, 0)._replace(shape=-states.shape[0]),
    body=row(body, 1),
    trace=SimpleNamespace(state=states),
  )
  assert rig.of_results([result], body_model)[0].keys is None
  (person,) = rig.of_results([result], body_model, descent=True)
  keys = person.keys
  np.testing.assert_allclose(keys.times, [0.0, 0.5, 1.0, 1.5])
  np.testing.assert_allclose(keys.rotations[:3], body.rotations[:3], atol=1e-5)
  lengths = rig.bones(body_model, np.stack([states.shape[0], person.shape]))
  np.testing.assert_allclose(keys.bones[2], lengths[0], atol=1e-6)
  for last, still in (
    (keys.rotations[-1], person.rotations),
    (keys.rotations[-1], body.rotations[1]),
    (keys.translations[-1], states.translation[0]),
    (keys.expressions[-1], person.expression),
    (keys.bones[-1], lengths[1]),
  ):
    np.testing.assert_allclose(last, still, atol=1e-6)


def test_descents_of_any_length_keep_step(body_model, motion):
  states, body = motion
  take = lambda values, rows: type(values)(*(x[rows] for x in values))
  results = [
    SimpleNamespace(
      state=take(states, 0),
      body=take(body, 0),
      trace=SimpleNamespace(state=take(states, np.arange(count) % 4)),
    )
    for count in (3, 51, 1)
  ]
  people = rig.of_results(results, body_model, descent=True)
  short, long, one = (person.keys.times for person in people)
  np.testing.assert_allclose(long, np.arange(51) * 0.2)
  np.testing.assert_allclose(short, [0.0, 0.2, 0.4])
  assert one.tolist() == [0.0]


def test_quaternions_do_not_jump():
  angle = np.linspace(0.0, 4.0 * np.pi, 50)
  turn = np.tile(np.eye(3), (50, 1, 1, 1))
  turn[:, 0, 0, 0] = turn[:, 0, 1, 1] = np.cos(angle)
  turn[:, 0, 1, 0], turn[:, 0, 0, 1] = np.sin(angle), -np.sin(angle)
  steps = np.diff(rig.quaternions(turn)[:, 0], axis=0)
  assert np.linalg.norm(steps, axis=-1).max() < 0.2


def test_the_camera_sees_the_photo_where_it_was(body_model, motion, tmp_path):
  state, body = motion
  camera = Intrinsics(np.float32([900, 950]), np.float32([310, 260]))
  image = np.zeros([480, 640, 3], np.uint8)
  image[:, 320:] = 200
  path = tmp_path / "a.glb"
  view = View(camera, 640, 480, image)
  write_rigged(path, [_person(state, body, 0)], body_model, view)
  viewer = Viewer(path)
  (seen,) = viewer.file.cameras
  assert np.tan(seen.perspective.yfov / 2) == pytest.approx(240 / 950)
  assert seen.perspective.aspectRatio == pytest.approx(640 / 900 / 480 * 950)
  np.testing.assert_array_equal(viewer.world(viewer.node("camera")), np.eye(4))
  photo = viewer.file.meshes[viewer.file.nodes[viewer.node("photo")].mesh]
  attributes = photo.primitives[0].attributes
  places = viewer.array(attributes.POSITION) * [1, -1, -1]
  pixels = places[:, :2] / places[:, 2:] * camera.focal + camera.center
  coordinates = viewer.array(attributes.TEXCOORD_0)
  np.testing.assert_allclose(pixels, coordinates * [640, 480], atol=1e-3)
  assert places[:, 2].min() > np.array(body.vertices)[0, :, 2].max()
  # Another library opens it too, with the picture.
  scene = trimesh.load_scene(path, process=False)
  texture = np.array(scene.geometry["photo"].visual.material.baseColorTexture)
  assert texture.shape == (480, 640, 3) and texture[9, 500, 0] > 190
  assert scene.camera.fov[1] == pytest.approx(np.degrees(seen.perspective.yfov))
  assert len(scene.geometry["person_0"].faces) == len(body_model.faces())


def test_a_minute_is_below_3_mb(body_model, motion, tmp_path):
  state, body = motion
  random = np.random.default_rng(0)
  rows = random.integers(0, 4, 1800)
  keys = Keys(
    np.arange(1800) / 30.0,
    body.rotations[rows],
    state.translation[rows],
    state.expression[rows],
  )
  path = tmp_path / "a.glb"
  write_rigged(path, [_person(state, body, 0, keys=keys)], body_model)
  assert path.stat().st_size < 3e6


@pytest.mark.parametrize(
  ("change", "message"),
  [
    ({"shape": np.zeros(10)}, r"shape has shape \(10,\), expected \(16,\)"),
    ({"translation": np.full(3, np.nan)}, "translation are not all finite"),
    (
      {"keys": Keys(np.zeros(2), np.zeros([2, 63, 3, 3]), np.zeros([2, 3]))},
      "person 0: keys: times are not rising",
    ),
  ],
)
def test_wrong_people_are_named(body_model, motion, tmp_path, change, message):
  person = _person(*motion, 0)._replace(**change)
  with pytest.raises(ValueError, match=message):
    write_rigged(tmp_path / "a.glb", [person], body_model)
  with pytest.raises(ValueError, match="a.glb: there is nobody"):
    write_rigged(tmp_path / "a.glb", [], body_model)
  assert not list(tmp_path.iterdir())
