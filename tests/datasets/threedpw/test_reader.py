"""The reader of 3DPW on a tiny one in the true format."""

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation

from hund_tf.body import keypoints
from hund_tf.body.joint_sets import SMPL_24
from hund_tf.datasets.source import Skipped
from hund_tf.datasets.threedpw.reader import ThreeDPW
from hund_tf.datasets.threedpw.sequences import (
  camera_joints,
  read_sequence,
  smpl_parameters,
)
from hund_tf.datasets.threedpw.smpl_joints import SmplFiles
from hund_tf.records import schema
from tests.body.adapters import smpl_like
from tests.datasets.threedpw import fixture


@pytest.fixture
def dataset(tmp_path):
  return tmp_path, fixture.write(tmp_path)


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
  root = tmp_path_factory.mktemp("3dpw")
  content = fixture.write(root)
  return content, _convert(ThreeDPW(root, "test"))


def _convert(source):
  source = pickle.loads(pickle.dumps(source))  # as for another process
  (item,) = source.items()
  return list(source.convert(item))


def _by_key(results):
  return {result.key: result for result in results}


def _reproject(record):
  fx, fy, cx, cy = record.intrinsics.astype(float)
  joints = record.joints.astype(float)
  return joints[:, :2] / joints[:, 2:] * [fx, fy] + [cx, cy]


def test_one_record_for_each_person_and_valid_frame(converted):
  results = _by_key(converted[1])
  expected = {f"walk_00/actor{a}/{f:05d}" for a in range(2) for f in range(4)}
  assert set(results) == expected and len(converted[1]) == 8
  skipped = results.pop("walk_00/actor1/00002")
  assert isinstance(skipped, Skipped) and not skipped.damaged
  record = results["walk_00/actor1/00003"]
  assert (record.subject, record.sequence, record.frame) == (
    ("actor1/f", "walk_00", 3)
  )
  assert results["walk_00/actor0/00003"].subject == "actor0/m"
  decoded = schema.decode(schema.encode(record))
  np.testing.assert_array_equal(decoded.keypoints, record.keypoints)


def test_joints_project_to_the_keypoints(converted):
  number = 0
  for record in converted[1]:
    if isinstance(record, Skipped):
      continue
    pixels = _reproject(record)
    for i, name in enumerate(SMPL_24):
      x, y, weight = record.keypoints[keypoints.INDEX.get(name, 0)]
      if name in keypoints.INDEX and weight > 0:
        np.testing.assert_allclose(pixels[i], [x, y], atol=0.01)
        number += 1
    assert not record.keypoints[keypoints.INDEX["r_wrist"]].any()
    assert not record.keypoints[25:].any()
  assert number == 6 * 12  # one of seven records has no 2D points


def test_mid_hip_is_the_middle_and_weights_are_confidences(converted):
  record = _by_key(converted[1])["walk_00/actor0/00000"]
  hips = record.keypoints[[keypoints.INDEX["r_hip"], keypoints.INDEX["l_hip"]]]
  middle = record.keypoints[keypoints.INDEX["mid_hip"]]
  np.testing.assert_allclose(middle[:2], hips[:, :2].mean(axis=0), atol=1e-4)
  np.testing.assert_allclose(hips[:, 2], [0.66, 0.72], atol=1e-6)
  assert middle[2] == hips[:, 2].min()
  neck = record.keypoints[keypoints.INDEX["neck"]]
  np.testing.assert_allclose(neck[2], 0.52, atol=1e-6)  # OpenPose's own


def test_left_is_the_subjects(converted):
  record = _by_key(converted[1])["walk_00/actor1/00000"]
  left, right = (record.keypoints[keypoints.INDEX[f"{s}_hip"]] for s in "lr")
  assert left[0] > right[0] + 5  # who faces the camera has left on the right
  joints = dict(zip(SMPL_24, record.joints, strict=True))
  assert joints["head"][1] < joints["l_ankle"][1] - 1  # y is down
  assert np.all(record.joints[:, 2] > 3)


def test_box_by_the_points_or_by_the_joints(converted):
  for frame in (0, 1):
    record = _by_key(converted[1])[f"walk_00/actor0/{frame:05d}"]
    points = record.keypoints[record.keypoints[:, 2] > 0, :2]
    known = points if frame == 0 else _reproject(record)
    assert (len(points) > 0) == (frame == 0)
    low, high = known.min(axis=0), known.max(axis=0)
    size = 1.2 * (high - low)
    expected = np.concatenate([(low + high - size) / 2, size])
    np.testing.assert_allclose(record.box, expected, atol=0.02)
    side = record.image_size[0] / record.box[2:].max()
    np.testing.assert_allclose(side, 1.5, atol=0.01)


def test_stored_image_is_that_region_of_that_photo(converted):
  record = _by_key(converted[1])["walk_00/actor0/00002"]
  image = np.asarray(Image.open(io.BytesIO(record.image))).astype(float)
  left, top, side, _ = record.photo_box
  scale = record.image_size[0] / side
  x, y = 150, 300  # of the photo
  row, column = int((y - top) * scale), int((x - left) * scale)
  expected = [x / 2, y / 3, 120]
  np.testing.assert_allclose(image[row, column], expected, atol=4)


def test_smpl_parameters_in_the_camera_frame(dataset):
  root, content = dataset
  sequence = read_sequence(root / "sequenceFiles/test/walk_00.pkl")
  rest = np.array([0.01, -0.2, 0.03])  # as the fixture has it
  vertex = np.array([0.2, 0.4, 0.1])  # of the shaped template
  for actor, frame in ((0, 0), (1, 3)):
    root_pose = content["poses"][actor][frame, :3]
    turned = Rotation.from_rotvec(root_pose).apply(vertex - rest)
    world = turned + rest + content["trans"][actor][frame]
    camera = content["cam_poses"][frame]
    expected = camera[:3, :3] @ world + camera[:3, 3]
    found = smpl_parameters(sequence, actor, frame)
    turned = Rotation.from_rotvec(found.pose[0]).apply(vertex - rest)
    np.testing.assert_allclose(
      turned + rest + found.translation, expected, atol=1e-9
    )
    pelvis = camera_joints(sequence, actor, frame)[0]
    np.testing.assert_allclose(rest + found.translation, pelvis, atol=1e-9)
    np.testing.assert_allclose(
      found.pose[1:].ravel(), content["poses"][actor][frame, 3:]
    )
    np.testing.assert_allclose(found.betas, content["betas"][actor][:10])
    assert found.gender == "mf"[actor]


class _Malicious:
  """Makes a file when it is unpickled by the standard unpickler."""

  def __init__(self, path):
    self.path = path

  def __reduce__(self):
    return (Path.touch, (self.path,))


def test_a_sequence_file_cannot_run_code(dataset):
  root, content = dataset
  path = root / "sequenceFiles/test/walk_00.pkl"
  mark = root / "mark"
  path.write_bytes(pickle.dumps(content | {"x": _Malicious(mark)}, protocol=2))
  (skipped,) = _convert(ThreeDPW(root, "test"))
  assert skipped.damaged and "it names" in skipped.problem
  assert not mark.exists()
  pickle.loads(path.read_bytes())
  assert mark.exists()  # it would have


def test_reads_what_python_3_wrote(dataset):
  root, content = dataset
  path = root / "sequenceFiles/test/walk_00.pkl"
  old = read_sequence(path)
  for protocol in (2, 4):
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    new = read_sequence(path)
    np.testing.assert_array_equal(new.joints, old.joints)
    np.testing.assert_array_equal(new.poses_2d, old.poses_2d)


@pytest.mark.parametrize(
  "damage, problem",
  [
    (lambda data, _: data[: len(data) // 2], "cannot be read"),
    (lambda data, _: b"", "cannot be read"),
    (lambda data, _: fixture.pickle_python2([1, 2]), "holds a list"),
    (
      lambda _, c: fixture.pickle_python2(
        {k: v for k, v in c.items() if k != "poses2d"}
      ),
      "KeyError: 'poses2d'",
    ),
    (
      lambda _, c: fixture.pickle_python2(c | {"cam_poses": np.eye(4)[None]}),
      "does not fit together",
    ),
    (
      lambda _, c: fixture.pickle_python2(c | {"genders": ["m"]}),
      "does not fit together",
    ),
  ],
)
def test_damaged_sequences_are_named(dataset, damage, problem):
  root, content = dataset
  path = root / "sequenceFiles/test/walk_00.pkl"
  path.write_bytes(damage(path.read_bytes(), content))
  (skipped,) = _convert(ThreeDPW(root, "test"))
  assert skipped.damaged and skipped.reason == "unreadable sequence"
  assert problem in skipped.problem and str(path) in skipped.problem
  assert "\n" not in skipped.problem


def test_damaged_photos_and_poses_are_named(dataset):
  root, content = dataset
  photos = root / "imageFiles/walk_00"
  (photos / "image_00000.jpg").unlink()
  data = (photos / "image_00001.jpg").read_bytes()
  (photos / "image_00001.jpg").write_bytes(data[: len(data) // 2])
  content["jointPositions"][0][3, 5] = np.nan
  (root / "sequenceFiles/test/walk_00.pkl").write_bytes(
    fixture.pickle_python2(content)
  )
  results = _by_key(_convert(ThreeDPW(root, "test")))
  for actor in range(2):
    for frame in (0, 1):
      skipped = results[f"walk_00/actor{actor}/{frame:05d}"]
      assert skipped.damaged and f"image_{frame:05d}.jpg" in skipped.problem
  assert results["walk_00/actor0/00003"].reason == "unusable joints"
  assert not isinstance(results["walk_00/actor1/00003"], Skipped)


def test_refuses_what_is_not_the_dataset(dataset, tmp_path):
  with pytest.raises(ValueError, match="split train.*sequenceFiles"):
    ThreeDPW(tmp_path, "train").items()
  with pytest.raises(ValueError, match="'all'.*train, validation, test"):
    ThreeDPW(tmp_path, "all")


def test_joints_of_the_tables_are_regressed_from_smpl(
  dataset, body_model, tmp_path
):
  root, content = dataset
  arrays = smpl_like.arrays(body_model, 24)
  count = len(arrays["v_template"])
  arrays["posedirs"] = np.zeros([count, 3, 9 * 23])  # not in the check below
  rng = np.random.default_rng(0)
  regressor = np.zeros([17, count])
  chosen = rng.choice(count, 17, replace=False)
  arrays["weights"][chosen[:9]] = np.eye(24)[0]  # these follow the root alone
  regressor[np.arange(17), chosen] = 1.0
  np.savez(tmp_path / "m.npz", **arrays)
  larger = dict(arrays, v_template=1.1 * arrays["v_template"])
  np.savez(tmp_path / "f.npz", **larger)
  np.save(tmp_path / "j.npy", regressor)
  files = SmplFiles(*(str(tmp_path / n) for n in ("m.npz", "f.npz", "j.npy")))
  records = _by_key(_convert(ThreeDPW(root, "test", smpl=files)))
  for actor, model in ((0, arrays), (1, larger)):
    record = records[f"walk_00/actor{actor}/00003"]
    assert record.joint_set == "h36m_17"
    assert record.joints.shape == (17, 3)
    # Independently, for the vertices that follow the root alone.
    shaped = (
      model["v_template"] + model["shapedirs"] @ (content["betas"][actor][:10])
    )
    rest = (model["J_regressor"] @ shaped)[0]
    fixed = slice(9)
    turn = Rotation.from_rotvec(content["poses"][actor][3, :3])
    world = turn.apply(shaped[chosen] - rest) + rest
    world += content["trans"][actor][3]
    camera = content["cam_poses"][3]
    expected = world @ camera[:3, :3].T + camera[:3, 3]
    np.testing.assert_allclose(record.joints[fixed], expected[fixed], atol=1e-4)


def test_models_that_do_not_fit_are_named(dataset, body_model, tmp_path):
  root, _ = dataset
  arrays = smpl_like.arrays(body_model, 24)
  np.savez(tmp_path / "m.npz", **arrays)
  np.save(tmp_path / "j.npy", np.full([17, 9], 1 / 9))
  model = str(tmp_path / "m.npz")
  files = SmplFiles(model, model, str(tmp_path / "j.npy"))
  with pytest.raises(ValueError, match="the regressor's 9"):
    ThreeDPW(root, "test", smpl=files).items()
