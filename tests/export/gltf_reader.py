"""What a viewer makes of a glTF file, by pygltflib and numpy alone."""

import numpy as np
import pygltflib

_TYPES = {5121: "u1", 5122: "i2", 5123: "u2", 5125: "u4", 5126: "f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Viewer:
  """A file, its nodes by name (a person's joints below the person)."""

  def __init__(self, path):
    self.file = pygltflib.GLTF2().load(str(path))
    self.blob = self.file.binary_blob()
    self.parents = {
      child: i
      for i, node in enumerate(self.file.nodes)
      for child in node.children
    }
    self.values = {}  # (node, path) -> animated value

  def _raw(self, view, kind, count, width):
    view = self.file.bufferViews[view]
    data = self.blob[view.byteOffset : view.byteOffset + view.byteLength]
    return np.frombuffer(data, kind, count * width).reshape(count, width)

  def array(self, index):
    accessor = self.file.accessors[index]
    kind, width = _TYPES[accessor.componentType], _WIDTHS[accessor.type]
    if accessor.bufferView is None:
      result = np.zeros((accessor.count, width))
    else:
      result = self._raw(accessor.bufferView, kind, accessor.count, width)
    if accessor.sparse:
      sparse = accessor.sparse
      rows = self._raw(
        sparse.indices.bufferView,
        _TYPES[sparse.indices.componentType],
        sparse.count,
        1,
      )[:, 0]
      assert np.all(np.diff(rows.astype(int)) > 0)
      values = self._raw(sparse.values.bufferView, kind, sparse.count, width)
      result[rows] = values
    if accessor.normalized:
      result = result / float(np.iinfo(result.dtype).max)
    if accessor.max:
      np.testing.assert_allclose(result.max(0), accessor.max, atol=1e-6)
      np.testing.assert_allclose(result.min(0), accessor.min, atol=1e-6)
    return result

  def set_key(self, key, animation=0):
    """Shows the key of that number of an animation."""
    animation = self.file.animations[animation]
    for channel in animation.channels:
      sampler = animation.samplers[channel.sampler]
      times, output = self.array(sampler.input), self.array(sampler.output)
      values = output.reshape(len(times), -1)[key]
      self.values[channel.target.node, channel.target.path] = values

  def node(self, name, below=None):
    """The index of a node, of several of that name the one below another."""
    found = [i for i, n in enumerate(self.file.nodes) if n.name == name]
    found = [i for i in found if below is None or self.is_below(i, below)]
    assert len(found) == 1, (name, found)
    return found[0]

  def is_below(self, index, above):
    while index in self.parents:
      index = self.parents[index]
      if self.file.nodes[index].name == above:
        return True
    return False

  def local(self, index):
    node = self.file.nodes[index]
    assert node.matrix is None and node.scale is None
    get = lambda path, default: self.values.get(
      (index, path), getattr(node, path) or default
    )
    x, y, z, w = np.array(get("rotation", [0, 0, 0, 1]), float)
    assert abs(x * x + y * y + z * z + w * w - 1.0) < 1e-4
    s = 2.0 / (x * x + y * y + z * z + w * w)
    matrix = np.eye(4)
    matrix[:3, :3] = [
      [1 - s * (y * y + z * z), s * (x * y - z * w), s * (x * z + y * w)],
      [s * (x * y + z * w), 1 - s * (x * x + z * z), s * (y * z - x * w)],
      [s * (x * z - y * w), s * (y * z + x * w), 1 - s * (x * x + y * y)],
    ]
    matrix[:3, 3] = get("translation", [0, 0, 0])
    return matrix

  def world(self, index):
    matrix = self.local(index)
    if index in self.parents:
      matrix = self.world(self.parents[index]) @ matrix
    return matrix

  def skinned(self, person):
    """World positions [N, 3] of a person's mesh, as glTF defines skinning."""
    index = self.node(f"{person}_body")
    node = self.file.nodes[index]
    mesh, skin = self.file.meshes[node.mesh], self.file.skins[node.skin]
    (primitive,) = mesh.primitives
    attributes = primitive.attributes
    rest = np.array(self.array(attributes.POSITION), float)
    weights = self.values.get((index, "weights"), mesh.weights)
    for weight, target in zip(weights, primitive.targets, strict=True):
      rest += weight * self.array(target["POSITION"])
    inverse = self.array(skin.inverseBindMatrices).reshape(-1, 4, 4)
    joints = np.stack([self.world(j) for j in skin.joints])
    matrices = joints @ inverse.transpose(0, 2, 1)  # stored by columns
    picked = matrices[self.array(attributes.JOINTS_0)]
    blend = self.array(attributes.WEIGHTS_0)
    np.testing.assert_allclose(blend.sum(1), 1.0, atol=1e-6)
    blended = np.einsum("nk,nkij->nij", blend, picked)
    return np.einsum("nij,nj->ni", blended[:, :3, :3], rest) + blended[:, :3, 3]
