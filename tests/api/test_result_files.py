"""The files of results by their kinds."""

import json
import sys

import numpy as np
import pytest
import trimesh

from hund_tf import types
from hund_tf.api import result_files
from hund_tf.api.person import Person, Photo
from hund_tf.api.result_files import WritingConfig
from hund_tf.api.results import People
from hund_tf.motion import bvh
from hund_tf.photos.cameras import PhotoCamera
from tests.body.adapters import smpl_like
from tests.export import made_people


@pytest.fixture(scope="module", name="people")
def _people(body_model):
  camera = types.Intrinsics(np.float32([400, 400]), np.float32([200, 150]))
  image = np.full([300, 400, 3], 90, np.uint8)
  photo = Photo(image, PhotoCamera(camera, "default"))
  fits = made_people.make(body_model)
  people = tuple(Person(fit, photo, body_model) for fit in fits)
  return People(photo, "hund", people)


def test_kinds_with_a_skeleton(people, body_model, tmp_path):
  model = tmp_path / "SMPL.npz"
  np.savez(model, **smpl_like.arrays(body_model, 24))
  config = WritingConfig(bvh_names="mixamo", smpl_model=model)
  out = tmp_path / "out"
  out.mkdir()
  kinds = ("bvh", "rigged", "descent", "html", "smplx")
  result_files.save(people, out, "a", kinds, config=config)
  assert sorted(path.name for path in out.iterdir()) == [
    "a.html",
    "a_0.bvh",
    "a_1.bvh",
    "a_descent.glb",
    "a_rigged.glb",
    "a_smplx.npz",
  ]
  motion = bvh.read_bvh(out / "a_1.bvh")
  assert motion.names[0] == "Hips"
  place = bvh.joint_positions(motion)[0, 0]
  np.testing.assert_allclose(
    place, people[1].joints[0] * [1, -1, -1], atol=1e-5
  )
  still, moved = ((out / f"a_{k}.glb").read_bytes() for k in kinds[1:3])
  tree = lambda data: json.loads(
    data[20 : 20 + int.from_bytes(data[12:16], "little")]
  )
  assert "animations" not in tree(still)
  assert [a["name"] for a in tree(moved)["animations"]] == ["descent"]
  names = set(trimesh.load_scene(out / "a_rigged.glb").geometry)
  assert {"person_0", "person_1", "photo"} <= names
  with np.load(out / "a_smplx.npz") as found:
    assert found["body_pose"].shape == (2, 69)
    assert (found["residual_mm"] < 60.0).all()
  one = tmp_path / "one.glb"
  people[0].save_rigged(one)
  assert "person_0" in trimesh.load_scene(one).geometry


def test_usd_holds_the_descent_where_it_is_asked_for(people, tmp_path):
  usd = pytest.importorskip("pxr.Usd", reason="needs the extra `usd`")
  result_files.prepare(["usd"], WritingConfig())
  result_files.save(people, tmp_path, "a", ["usd", "usd_descent"])
  names = ("a.usdc", "a_descent.usdc")
  still, moved = (usd.Stage.Open(str(tmp_path / name)) for name in names)
  path = "/people/person_1/person_1_skeleton/motion.rotations"
  assert still.GetAttributeAtPath(path).GetNumTimeSamples() == 2
  stages = len(people[1].trace.state.rotation)
  assert moved.GetAttributeAtPath(path).GetNumTimeSamples() == stages
  assert still.GetPrimAtPath("/people/camera")
  people[0].save_usd(tmp_path / "one.usda")
  assert (tmp_path / "one.usda").read_text().startswith("#usda")


def test_usd_needs_its_package(monkeypatch):
  monkeypatch.setitem(sys.modules, "pxr", None)
  with pytest.raises(ImportError, match=r"pip install 'hund_tf\[usd\]'"):
    result_files.prepare(["usd_descent"], WritingConfig())


def test_smplx_needs_its_model(people, tmp_path):
  with pytest.raises(ValueError, match="smplx needs a file; give --smpl_model"):
    result_files.prepare(["smplx"], WritingConfig())
  with pytest.raises(ValueError, match="smplx needs a file; give --smpl_model"):
    result_files.save(people, tmp_path, "a", ["smplx"])
  with pytest.raises(ValueError, match="none.npz"):
    people.save_smplx(tmp_path / "a.npz", tmp_path / "none.npz")
  assert not list(tmp_path.iterdir())


def test_of_nobody_there_is_no_skeleton(people, tmp_path):
  kinds = ("bvh", "rigged", "descent", "html", "usd", "usd_descent")
  result_files.save(people[:0], tmp_path, "a", kinds)
  assert not list(tmp_path.iterdir())
  for save in (people[:0].save_rigged, people[:0].save_html):
    with pytest.raises(ValueError, match="a.x: there is nobody"):
      save(tmp_path / "a.x")
