"""The file of predictions: what comes back, what is refused."""

import numpy as np
import pytest

from hund_tf.body.joint_sets import LSP_14
from hund_tf.evaluation import compared_joints, predictions
from hund_tf.evaluation.predictions import PredictionError, Predictions

_KEYS = ("S9/Directions 1/54138969/000005", "S9/Directions 1/54138969/000000")


def _points(*shape):
  return np.random.default_rng(1).normal(size=shape)


def test_what_is_saved_comes_back(tmp_path):
  arrays = {"joints_17": _points(2, 17, 3), "joints_24": _points(2, 24, 3)}
  arrays["joints_17"][1] = np.nan
  predictions.save(Predictions(_KEYS, arrays), tmp_path / "p.npz")
  loaded = predictions.load(tmp_path / "p.npz")
  assert loaded.keys == _KEYS
  assert set(loaded.arrays) == set(arrays)
  for name, array in arrays.items():
    np.testing.assert_array_equal(loaded.arrays[name], array)


def test_the_set_nearest_to_the_truth_is_compared():
  arrays = {
    "joints_14": _points(2, 14, 3),
    "joints_17": _points(2, 17, 3),
    "joints_24": _points(2, 24, 3),
    "pelvis": _points(2, 3),
  }

  def compare(joint_set, *names):
    chosen = {name: arrays[name] for name in names}
    return predictions.compared(Predictions(_KEYS, chosen), joint_set)

  every = compare("h36m_17", *arrays)
  np.testing.assert_array_equal(every.joints, arrays["joints_14"])
  np.testing.assert_array_equal(every.pelvis, arrays["pelvis"])
  two = compare("h36m_17", "joints_24", "joints_17")
  assert two.source == "joints_17"
  np.testing.assert_array_equal(
    two.joints, compared_joints.lsp_from_h36m(arrays["joints_17"])
  )
  np.testing.assert_array_equal(two.pelvis, arrays["joints_17"][:, 0])
  smpl = compare("smpl_24", "joints_17", "joints_24", "pelvis")
  np.testing.assert_array_equal(smpl.pelvis, arrays["joints_24"][:, 0])
  assert smpl.source == "joints_24"
  alone = compare("h36m_17", "joints_14")
  assert np.isnan(alone.pelvis).all()
  borrowed = compare("h36m_17", "joints_14", "joints_17")
  np.testing.assert_array_equal(borrowed.pelvis, arrays["joints_17"][:, 0])


def test_vertices_go_through_the_regressor(tmp_path):
  vertices = _points(2, 30, 3).astype(np.float32)
  regressor = np.eye(17, 30)
  np.savez(tmp_path / "p.npz", keys=np.array(_KEYS), vertices=vertices)
  loaded = predictions.load(tmp_path / "p.npz", regressor)
  np.testing.assert_array_equal(loaded.arrays["joints_17"], vertices[:, :17])
  with pytest.raises(PredictionError, match="give the regressor"):
    predictions.load(tmp_path / "p.npz")
  with pytest.raises(PredictionError, match=r"expected \[N, 31, 3\]"):
    predictions.load(tmp_path / "p.npz", np.eye(17, 31))
  with pytest.raises(PredictionError, match="have no vertices"):
    np.savez(tmp_path / "j.npz", keys=_KEYS, joints_14=_points(2, 14, 3))
    predictions.load(tmp_path / "j.npz", regressor)


@pytest.mark.parametrize(
  ("arrays", "problem"),
  [
    ({"joints_14": _points(2, 14, 3)}, "keys are missing"),
    (
      {"keys": np.arange(2), "joints_14": _points(2, 14, 3)},
      "expected .N. tex",
    ),
    ({"keys": ["a", "a"], "joints_14": _points(2, 14, 3)}, "'a'; expected one"),
    ({"keys": ["a", "b"], "joints_14": _points(2, 13, 3)}, r"\(2, 14, 3\)"),
    ({"keys": ["a", "b"], "joints_17": _points(3, 17, 3)}, r"\(2, 17, 3\)"),
    ({"keys": ["a", "b"], "other": _points(2)}, "expected one of joints_14"),
    (
      {"keys": ["a", "b"], "joints_14": 1e3 * _points(2, 14, 3)},
      "expected metres",
    ),
    (
      {
        "keys": ["a", "b"],
        "joints_14": _points(2, 14, 3),
        "pelvis": _points(2, 1, 3),
      },
      "pelvis is float64",
    ),
  ],
)
def test_wrong_files_are_named(tmp_path, arrays, problem):
  np.savez(tmp_path / "wrong.npz", **arrays)
  with pytest.raises(PredictionError, match=problem) as caught:
    predictions.load(tmp_path / "wrong.npz")
  assert "wrong.npz" in str(caught.value) and "\n" not in str(caught.value)


def test_files_that_are_no_archives_are_named(tmp_path):
  np.save(tmp_path / "one.npy", _points(2, 14, 3))
  (tmp_path / "text.npz").write_text("keys")
  objects = np.array([{}, None], object)
  np.savez(tmp_path / "objects.npz", keys=objects)
  for name in ("one.npy", "text.npz", "objects.npz", "none.npz"):
    with pytest.raises(PredictionError, match=name):
      predictions.load(tmp_path / name)


def test_bytes_are_keys_too(tmp_path):
  joints = _points(2, len(LSP_14), 3)
  np.savez(tmp_path / "p.npz", keys=np.array(_KEYS, "S"), joints_14=joints)
  assert predictions.load(tmp_path / "p.npz").keys == _KEYS
  notes = {"notes": np.array(["what else a system says"])}
  np.savez(tmp_path / "p.npz", keys=_KEYS, joints_14=joints, **notes)
  assert predictions.load(tmp_path / "p.npz").arrays.keys() == {"joints_14"}
  np.savez(tmp_path / "p.npz", keys=np.array([b"\xff", b"a"]))
  with pytest.raises(PredictionError, match="decode"):
    predictions.load(tmp_path / "p.npz")
