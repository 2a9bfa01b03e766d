"""Files of body models: the formats as distributed, damaged files, and code."""

import pickle
import sys
import types

import numpy as np
import pytest
import scipy.sparse

from hund_tf.body.adapters import restricted_pickle, smpl_file
from tests.body.adapters import smpl_like


@pytest.fixture(scope="module")
def arrays(body_model):
  return smpl_like.arrays(body_model, 24)


def _foreign_class(monkeypatch, module: str, name: str) -> type:
  """A class that pickles name as one of a module that is not installed."""
  kind = type(name, (), {"__module__": module})
  made = types.ModuleType(module)
  setattr(made, name, kind)
  monkeypatch.setitem(sys.modules, module, made)
  return kind


def _object(kind: type, **state):
  result = kind()
  vars(result).update(state)
  return result


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_with_chumpy_and_sparse_arrays(
  arrays, tmp_path, monkeypatch, protocol
):
  monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
  ch = _foreign_class(monkeypatch, "chumpy.ch", "Ch")
  select = _foreign_class(monkeypatch, "chumpy.reordering", "Select")
  data = dict(arrays)
  data["J_regressor"] = scipy.sparse.csc_matrix(data["J_regressor"])
  data["v_template"] = _object(ch, x=data["v_template"])
  shape = data["shapedirs"].shape
  picked = np.arange(data["shapedirs"].size)
  data["shapedirs"] = _object(
    select,
    a=_object(ch, x=data["shapedirs"]),
    idxs=picked,
    preferred_shape=shape,
  )
  data["bs_style"] = "lbs"
  path = tmp_path / "basic_model.pkl"
  path.write_bytes(pickle.dumps(data, protocol=protocol))
  for name in ("chumpy", "chumpy.ch", "chumpy.reordering"):
    monkeypatch.delitem(sys.modules, name)
  file = smpl_file.load(path)
  plain = tmp_path / "plain.npz"
  np.savez(plain, **arrays)
  for found, expected in zip(file, smpl_file.load(plain), strict=True):
    if isinstance(found, np.ndarray):
      np.testing.assert_array_equal(found, expected)
    else:
      assert found == expected
  assert "chumpy" not in sys.modules


class _Runs:
  def __init__(self, path):
    self.path = str(path)

  def __reduce__(self):
    return (open, (self.path, "w"))


@pytest.mark.parametrize("key", ["weights", "other"])
def test_a_pickle_cannot_run_code(arrays, tmp_path, key):
  proof = tmp_path / "proof"
  path = tmp_path / "evil.pkl"
  path.write_bytes(pickle.dumps({**arrays, key: _Runs(proof)}))
  with pytest.raises(smpl_file.SmplError, match="evil.pkl: it names .*open"):
    smpl_file.load(path)
  assert not proof.exists()


@pytest.mark.parametrize(
  "data",
  [
    b"cos\nsystem\n(S'true'\ntR.",
    b"cbuiltins\neval\n(S'1'\ntR.",
    b"cnumpy.core.multiarray\nfromfile\n.",
    b"ccopy_reg\n_reconstructor\n(cnumpy\nndarray\nc__builtin__\nobject\nNtR.",
    b"cchumpy.ch\nCh\n(}S'x'\nI1\nstb.",
    b"Pabc\n.",
    b"I1\n.",
    b"garbage",
    b"",
  ],
)
def test_other_pickles_are_refused(tmp_path, data):
  path = tmp_path / "x.pkl"
  path.write_bytes(data)
  with pytest.raises(restricted_pickle.PickleError):
    restricted_pickle.load(path)


def test_objects_are_no_arrays():
  with pytest.raises(restricted_pickle.PickleError, match="objects"):
    restricted_pickle.to_array([1, None])


def _without(arrays, name):
  return {key: value for key, value in arrays.items() if key != name}


@pytest.mark.parametrize(
  ("change", "message"),
  [
    (lambda a: _without(a, "posedirs"), "lacks posedirs"),
    (lambda a: a | {"weights": a["weights"][:, :20]}, r"weights has shape"),
    (lambda a: a | {"f": a["f"] + 5000}, "f names vertices outside of 0..751"),
    (
      lambda a: a | {"v_template": a["v_template"] * np.nan},
      "v_template has values that are not finite",
    ),
    (
      lambda a: a | {"kintree_table": a["kintree_table"][:, :20]},
      "kintree_table has 20 joints, not one of 24, 52, 55",
    ),
    (
      lambda a: a | {"kintree_table": a["kintree_table"][:, ::-1]},
      "parent that comes after its child",
    ),
    (lambda a: a | {"f": np.array(["a"])}, "f is of type"),
  ],
)
def test_files_of_something_else_are_refused(arrays, tmp_path, change, message):
  path = tmp_path / "model.npz"
  np.savez(path, **change(arrays))
  with pytest.raises(smpl_file.SmplError, match=message) as caught:
    smpl_file.load(path)
  assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing.npz", "cut.npz", "cut.pkl"])
def test_damaged_files_are_refused(arrays, tmp_path, name):
  path = tmp_path / name
  if name == "cut.npz":
    np.savez(path, **arrays)
  elif name == "cut.pkl":
    path.write_bytes(pickle.dumps(arrays))
  if path.exists():
    path.write_bytes(path.read_bytes()[:5000])
  with pytest.raises(smpl_file.SmplError, match="cannot be read"):
    smpl_file.load(path)
