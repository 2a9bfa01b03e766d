"""Written meshes, read again by trimesh."""

import numpy as np
import pytest
import trimesh

from hund_tf.export.meshes import (
  PERSON_COLORS,
  PersonMesh,
  write_glb,
  write_obj,
)
from hund_tf.files import OutputError

# trimesh's reader takes a median over faces that a mesh does not have.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:trimesh")

WRITERS = {"glb": write_glb, "obj": write_obj}


def _ball(center, **options) -> PersonMesh:
  ball = trimesh.creation.icosphere(subdivisions=2, radius=0.5)
  return PersonMesh(ball.vertices + center, ball.faces, **options)


@pytest.fixture(name="people")
def _people() -> list[PersonMesh]:
  return [_ball([-1, 0.2, 4]), _ball([1, -0.3, 6], color=(255, 0, 51))]


def _load(path, maintain_order=True) -> list[trimesh.Trimesh]:
  """Meshes of person_0, person_1, ... in the frame of the scene."""
  obj = path.suffix == ".obj"
  options = {"split_objects": True, "maintain_order": maintain_order}
  scene = trimesh.load_scene(path, process=False, **(options if obj else {}))
  meshes = []
  for i in range(len(scene.geometry)):
    name = f"person_{i}"
    if obj:
      # Indices of an OBJ run on, so its reader keeps earlier vertices too.
      scene.geometry[name].remove_unreferenced_vertices()
    else:
      transform, geometry = scene.graph[name]
      np.testing.assert_array_equal(transform, np.eye(4))
      assert geometry == name
    meshes.append(scene.geometry[name])
  return meshes


@pytest.mark.parametrize("suffix", WRITERS)
def test_round_trip(tmp_path, people, suffix):
  path = tmp_path / f"a.{suffix}"
  WRITERS[suffix](path, people)
  meshes = _load(path)
  assert len(meshes) == 2
  for mesh, person in zip(meshes, people, strict=True):
    expected = person.vertices * [1, -1, -1]
    np.testing.assert_allclose(mesh.vertices, expected, atol=2e-6)
    np.testing.assert_array_equal(mesh.faces, person.faces)
  assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", WRITERS)
def test_upright_in_front_and_not_mirrored(tmp_path, suffix):
  # In the camera frame the head is at smaller y, and the surface faces out.
  low, high = _ball([0, 0.9, 5]), _ball([0.5, -0.9, 5])
  path = tmp_path / f"a.{suffix}"
  WRITERS[suffix](path, [low, high])
  feet, head = _load(path)
  assert head.centroid[1] > feet.centroid[1]  # y up
  assert head.centroid[2] < 0 and feet.centroid[2] < 0  # camera looks along -z
  assert head.centroid[0] > feet.centroid[0]  # right stays right
  assert head.volume == pytest.approx(
    trimesh.Trimesh(*high[:2]).volume, rel=1e-5
  )


@pytest.mark.parametrize("suffix", WRITERS)
def test_normals_are_smooth_and_point_out(tmp_path, people, suffix):
  path = tmp_path / f"a.{suffix}"
  WRITERS[suffix](path, people)
  for mesh, person in zip(
    _load(path, maintain_order=False), people, strict=True
  ):
    assert "vertex_normals" in mesh._cache.cache  # stored, not recomputed
    center = person.vertices.mean(0) * [1, -1, -1]
    outward = (mesh.vertices - center) / 0.5
    cosine = np.sum(mesh.vertex_normals * outward, -1)
    assert cosine.min() > 0.99


def test_glb_colours_are_linear(tmp_path, people):
  write_glb(tmp_path / "a.glb", people)
  first, second = _load(tmp_path / "a.glb")
  np.testing.assert_allclose(
    second.visual.material.baseColorFactor[:3], [255, 0, 8], atol=1
  )
  srgb = np.array(PERSON_COLORS[0]) / 255
  np.testing.assert_allclose(
    first.visual.material.baseColorFactor[:3] / 255, srgb**2.2, atol=0.02
  )


def test_obj_colours_stand_beside_the_positions(tmp_path, people):
  write_obj(tmp_path / "a.obj", people)
  first, second = _load(tmp_path / "a.obj")
  assert (first.visual.vertex_colors[:, :3] == PERSON_COLORS[0]).all()
  assert (second.visual.vertex_colors[:, :3] == [255, 0, 51]).all()


def _strip() -> PersonMesh:
  """Two triangles that share an edge but not its texture coordinates."""
  return PersonMesh(
    vertices=np.array([[0, 0, 3], [1, 0, 3], [1, 1, 3], [0, 1, 3.0]]),
    faces=np.array([[0, 1, 2], [0, 2, 3]]),
    uvs=np.array(
      [[0, 0], [0.5, 0], [0.5, 0.5], [0.6, 0.6], [1, 1], [0.6, 1.0]]
    ),
    uv_faces=np.array([[0, 1, 2], [3, 4, 5]]),
  )


@pytest.mark.parametrize("suffix", WRITERS)
def test_texture_seams(tmp_path, suffix):
  person = _strip()
  path = tmp_path / f"a.{suffix}"
  WRITERS[suffix](path, [person, person])
  for mesh in _load(path, maintain_order=False):
    # Every corner keeps its own place and its own texture coordinate.
    np.testing.assert_allclose(
      mesh.vertices[mesh.faces],
      person.vertices[person.faces] * [1, -1, -1],
      atol=1e-6,
    )
    np.testing.assert_allclose(
      mesh.visual.uv[mesh.faces], person.uvs[person.uv_faces], atol=1e-6
    )


def test_obj_keeps_the_vertices_at_seams(tmp_path):
  write_obj(tmp_path / "a.obj", [_strip()])
  lines = (tmp_path / "a.obj").read_text().splitlines()
  assert sum(line.startswith("v ") for line in lines) == 4
  assert sum(line.startswith("vt ") for line in lines) == 6
  assert lines[-1] == "f 1/4/1 3/5/3 4/6/4"


@pytest.mark.parametrize("suffix", WRITERS)
def test_one_coordinate_for_each_vertex(tmp_path, suffix):
  ball = _ball([0, 0, 3])
  uvs = np.random.RandomState(0).uniform(size=[len(ball.vertices), 2])
  path = tmp_path / f"a.{suffix}"
  WRITERS[suffix](path, [ball._replace(uvs=uvs)])
  (mesh,) = _load(path)
  np.testing.assert_allclose(
    mesh.visual.uv[mesh.faces], uvs[ball.faces], atol=1e-6
  )


@pytest.mark.parametrize("writer", WRITERS.values())
@pytest.mark.parametrize(
  "change, message",
  [
    ({"vertices": np.full([162, 3], np.nan)}, "not all finite"),
    ({"vertices": np.zeros([162, 2])}, r"shape \(162, 2\), expected \[V, 3\]"),
    ({"faces": np.array([[0, 1, 162]])}, "outside 0 to 161"),
    ({"faces": np.zeros([0, 3], int)}, r"expected \[F, 3\]"),
    ({"uvs": np.zeros([5, 2])}, "5 uvs for 162 vertices"),
  ],
)
def test_unusable_meshes(tmp_path, writer, change, message):
  with pytest.raises(ValueError, match=message) as info:
    writer(
      tmp_path / "a", [_ball([0, 0, 3]), _ball([0, 0, 3])._replace(**change)]
    )
  assert "person 1" in str(info.value)
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("writer", WRITERS.values())
def test_nobody_and_no_folder(tmp_path, writer):
  with pytest.raises(ValueError, match="nobody to write"):
    writer(tmp_path / "a", [])
  with pytest.raises(OutputError, match="cannot be written"):
    writer(tmp_path / "none" / "a", [_ball([0, 0, 3])])
