"""Binary glTF 2.0: arrays packed into one buffer, and the file around them.

Objects of glTF are plain dicts as its specification names their fields
(https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html).
"""

import json
import struct
from typing import Any

import numpy as np

_COMPONENTS = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125}
_COMPONENTS["f4"] = 5126
_TYPES = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4"}
_TYPES[(16,)] = "MAT4"
VERTICES, TRIANGLES = 34962, 34963  # what a view of the buffer is for


class GlbBuilder:
  """Gathers the objects and arrays of a file.

  Attributes:
    tree: the glTF object; lists in it grow by `add`.
  """

  def __init__(self):
    self.tree: dict[str, Any] = {
      "asset": {"version": "2.0", "generator": "hund_tf"}
    }
    self._binary = bytearray()

  def add(self, kind: str, **fields: Any) -> int:
    """Appends an object to a list of the tree, such as "nodes".

    Fields that are None are left out.

    Returns:
      Its index.
    """
    entries = self.tree.setdefault(kind, [])
    entries.append({k: v for k, v in fields.items() if v is not None})
    return len(entries) - 1

  def view(self, data: bytes, target: int | None = None) -> int:
    """Appends bytes to the buffer; returns the index of their view."""
    self._binary += bytes(-len(self._binary) % 4)
    offset = len(self._binary)
    self._binary += data
    return self.add(
      "bufferViews",
      buffer=0,
      byteOffset=offset,
      byteLength=len(data),
      target=target,
    )

  def array(
    self,
    values: np.ndarray,
    target: int | None = None,
    normalized: bool = False,
    bounds: bool = False,
  ) -> int:
    """Appends an array; returns the index of its accessor.

    Args:
      values: `[N]` or `[N, C]`, C of 2, 3, 4 or 16 (matrices by columns), of a
        type that glTF has: float32, unsigned or short integers.
      target: `VERTICES`, `TRIANGLES`, or none.
      normalized: integers stand for -1 to 1, or 0 to 1.
      bounds: states the extremes, which glTF asks of positions and times.
    """
    values = np.ascontiguousarray(values)
    return self.add(
      "accessors",
      bufferView=self.view(values.tobytes(), target),
      **_layout(values),
      normalized=normalized or None,
      **(_bounds(values) if bounds else {}),
    )

  def sparse(self, rows: int, values: np.ndarray, count: int) -> int:
    """An array `[count, 3]` that is zero but for some rows, with its bounds.

    Args:
      rows: view of the rising uint16 indices `[N]` of these rows.
      values: `[N, 3]` float32.
      count: of all rows, more than N.

    Returns:
      The index of the accessor.
    """
    values = np.ascontiguousarray(values)
    whole = np.concatenate([values, np.zeros((1, 3), values.dtype)])
    return self.add(
      "accessors",
      **{**_layout(values), "count": count},
      sparse={
        "count": len(values),
        "indices": {"bufferView": rows, "componentType": _COMPONENTS["u2"]},
        "values": {"bufferView": self.view(values.tobytes())},
      },
      **_bounds(whole),
    )

  def data(self) -> bytes:
    """The bytes of the .glb file."""
    binary = bytes(self._binary) + bytes(-len(self._binary) % 4)
    tree = {**self.tree, "buffers": [{"byteLength": len(self._binary)}]}
    text = json.dumps(tree, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    chunks = _chunk(b"JSON", text) + _chunk(b"BIN\0", binary)
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _chunk(kind: bytes, data: bytes) -> bytes:
  return struct.pack("<I4s", len(data), kind) + data


def _layout(values: np.ndarray) -> dict[str, Any]:
  return {
    "componentType": _COMPONENTS[values.dtype.str[1:]],
    "count": len(values),
    "type": _TYPES[values.shape[1:]],
  }


def _bounds(values: np.ndarray) -> dict[str, Any]:
  rows = values.reshape(len(values), -1)
  return {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
