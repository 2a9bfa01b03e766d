"""SMPL's parameters of 3DPW: meshes in the camera frame are the world's."""

import numpy as np
import pytest

from hund_tf.body.adapters import smpl_models
from hund_tf.body.adapters.smpl import SmplParameters
from hund_tf.compat import tf
from hund_tf.datasets.threedpw import measurements
from hund_tf.datasets.threedpw.reader import ThreeDPW
from hund_tf.records.schema import MESH, PersonRecord
from hund_tf.retargeting import correspondence, records
from hund_tf.retargeting.fit import RetargetingConfig
from tests.body.adapters import smpl_like
from tests.datasets.threedpw import fixture


@pytest.fixture(scope="module")
def files(body_model, tmp_path_factory):
  """SMPL files of men and of women, who are larger and stand elsewhere."""
  folder = tmp_path_factory.mktemp("smpl")
  arrays = smpl_like.arrays(body_model, 24)
  np.savez(folder / "m.npz", **arrays)
  arrays["v_template"] = 1.1 * arrays["v_template"] + [0.02, 0.1, 0.05]
  np.savez(folder / "f.npz", **arrays)
  return folder / "m.npz", folder / "f.npz"


@pytest.fixture
def dataset(tmp_path):
  return tmp_path, fixture.write(tmp_path)


def _vertices(body, pose, betas, translation):
  row = lambda x: tf.constant(np.asarray(x)[None], tf.float32)
  parameters = SmplParameters(
    row(pose), row(betas), row(translation), tf.zeros([1, 0])
  )
  return body.pose_parameters(parameters).vertices.numpy()[0]


@pytest.mark.parametrize("count", [1, 2])
def test_meshes_in_the_camera_frame_are_those_of_the_world(
  dataset, files, count
):
  root, content = dataset
  models = smpl_models.load(files[:count])
  found = measurements.read(root, models)
  # The same keys as the records'; one camera is not valid.
  (item,) = ThreeDPW(root, "test").items()
  results = ThreeDPW(root, "test").convert(item)
  keys = [r.key for r in results if isinstance(r, PersonRecord)]
  assert sorted(found["keys"]) == sorted(keys) and len(keys) == 7
  for i, key in enumerate(found["keys"]):
    actor, frame = int(key.split("/")[1][5:]), int(key.split("/")[2])
    assert found["genders"][i] == "mf"[actor]
    body = models[actor]
    world = _vertices(
      body,
      content["poses"][actor][frame],
      content["betas"][actor][:10],
      content["trans"][actor][frame],
    )
    camera = content["cam_poses"][frame]
    expected = world @ camera[:3, :3].T + camera[:3, 3]
    mesh = _vertices(
      body, found["pose"][i], found["betas"][i], found["translation"][i]
    )
    np.testing.assert_allclose(mesh, expected, atol=1e-5)


def test_people_are_posed_by_their_gender(body_model, dataset, files):
  root, _ = dataset
  models = smpl_models.load(files)
  number = len(models.male.file.template)
  table = correspondence.Correspondence(
    MESH,
    number,
    np.tile(np.arange(number)[:, None], [1, 3]),
    np.tile(np.float32([1, 0, 0]), [number, 1]),
    np.ones(number, np.float32),
    np.zeros(number, np.float32),
  )
  found = measurements.read(root, models)
  source = records.MeshSource(
    body_model, RetargetingConfig(), models, table, found
  )
  keys = ["walk_00/actor1/00003", "walk_00/actor0/00001"]
  (fit,) = source.fits([PersonRecord(key, "3dpw") for key in keys])
  assert fit.rows == [0, 1]
  for row, body in ((0, models.female), (1, models.male)):
    i = found["keys"].tolist().index(keys[row])
    mesh = _vertices(
      body, found["pose"][i], found["betas"][i], found["translation"][i]
    )
    np.testing.assert_allclose(fit.target.points[row, :number], mesh, atol=1e-5)
  with pytest.raises(records.MeasurementError, match="genders"):
    records.MeshSource(
      body_model,
      RetargetingConfig(),
      models,
      table,
      found | {"genders": np.full_like(found["genders"], "")},
    )


def test_parameters_that_are_not_finite_are_left_out(dataset, files):
  root, content = dataset
  content["poses"][0][1, 7] = np.nan
  path = root / "sequenceFiles/test/walk_00.pkl"
  path.write_bytes(fixture.pickle_python2(content))
  found = measurements.read(root, smpl_models.load(files[:1]))
  assert len(found["keys"]) == 6
  assert "walk_00/actor0/00001" not in found["keys"]


def test_what_does_not_fit_is_named(body_model, dataset, files, tmp_path):
  root, _ = dataset
  with pytest.raises(ValueError, match="sequenceFiles/{train"):
    measurements.read(root / "none", smpl_models.load(files))
  np.savez(tmp_path / "x.npz", **smpl_like.arrays(body_model, 52))
  with pytest.raises(ValueError, match="52 joints, expected SMPL with 24"):
    measurements.read(root, smpl_models.load([tmp_path / "x.npz"]))
  with pytest.raises(ValueError, match=r"SMPL of 752 .* SMPL\+H of 752"):
    smpl_models.load([files[0], tmp_path / "x.npz"])
  with pytest.raises(ValueError, match="SMPL files: 0"):
    smpl_models.load([])
