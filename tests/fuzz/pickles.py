"""Pickles of SMPL's files and of 3DPW, damaged or meant to do harm."""

import functools
import pickle
import pickletools
import sys
import types
from pathlib import Path
from unittest import mock

import numpy as np
import scipy.sparse

from hund_tf.body.adapters import smpl_file
from hund_tf.datasets.threedpw import sequences
from tests.datasets.threedpw import fixture
from tests.fuzz.kind import ACCEPTED, Kind
from tests.fuzz.mutations import mutated

_VERTICES, _JOINTS = 30, 24


def smpl_arrays() -> dict[str, np.ndarray]:
  """A body of no shape, as small as the reader takes."""
  rng = np.random.default_rng(0)
  parents = np.maximum(np.arange(_JOINTS) - 1, 0).astype(np.uint32)
  weights = np.zeros((_VERTICES, _JOINTS))
  weights[:, 0] = 1.0
  return {
    "v_template": rng.normal(size=(_VERTICES, 3)),
    "shapedirs": rng.normal(size=(_VERTICES, 3, 10)),
    "posedirs": np.asfortranarray(rng.normal(size=(_VERTICES, 3, 207))),
    "J_regressor": np.abs(rng.normal(size=(_JOINTS, _VERTICES))),
    "kintree_table": np.stack([parents, np.arange(_JOINTS, dtype=np.uint32)]),
    "weights": weights,
    "f": rng.integers(0, _VERTICES, (20, 3)).astype(np.uint32),
  }


class _Ch:
  """Pickled as an array of chumpy, which is not installed."""

  def __init__(self, x: np.ndarray):
    self.x = x


@functools.cache
def smpl_pickles() -> tuple[bytes, ...]:
  """An SMPL file by all protocols, with numpy's modules old and new."""
  data: dict = smpl_arrays()
  data["J_regressor"] = scipy.sparse.csc_matrix(data["J_regressor"])
  data["weights"] = _Ch(data["weights"])
  data["bs_style"], data["scale"] = "lbs", np.float32(1.0)
  modules = {name: types.ModuleType(name) for name in ("chumpy", "chumpy.ch")}
  vars(modules["chumpy.ch"])["Ch"] = _Ch
  _Ch.__module__, _Ch.__qualname__, _Ch.__name__ = "chumpy.ch", "Ch", "Ch"
  with mock.patch.dict(sys.modules, modules):
    files = [pickle.dumps(data, protocol=n) for n in range(6)]
  return (*files, *(renamed(file) for file in (files[0], files[2])))


def renamed(data: bytes) -> bytes:
  """A pickle of up to protocol 3, as numpy 2 would have written it."""
  return data.replace(b"cnumpy.core.multiarray", b"cnumpy._core.multiarray")


@functools.cache
def sequence_pickles() -> tuple[bytes, ...]:
  """A sequence of 3DPW as Python 2 and 3 pickle it."""
  content = fixture.content()
  return (
    fixture.pickle_python2(content),
    *(pickle.dumps(content, protocol=n) for n in range(6)),
  )


def _evil(rng: np.random.Generator) -> bytes:
  """A pickle made to do harm, by hand."""
  dtypes = (b"O8", b"O", b"V8", b"M8", b"f8", b"S9", b"U1", b"i4", b"f16")
  dtype = (
    b"cnumpy\ndtype\n(V" + dtypes[rng.integers(len(dtypes))] + b"\nI0\nI1\ntR"
  )
  if rng.random() < 0.5:
    fields = (
      b"N",
      b"(V" + b"a\nt",
      b"}Va\n(cnumpy\ndtype\n(VO8\nI0\nI1\ntRI0\ntts",
    )
    part = fields[rng.integers(3)]
    size = rng.choice([-1, 8, 0, 2**40])
    flags = rng.choice([0, 63, 1, 8])
    dtype += b"(I3\nV<\nN" + part + part + b"I%d\nI-1\nI%d\ntb" % (size, flags)
  raw = b"(V" + b"A" * int(rng.integers(0, 17)) + b"\nVlatin1\nt"
  raw = b"c_codecs\nencode\n" + raw + b"R"
  size = rng.choice([0, 1, 2, -1, 2**31, 2**62, 2**63])
  shape = (
    b"(I%d\nt" % size if rng.random() < 0.7 else b"(I%d\nI%d\nt" % (size, size)
  )
  array = (
    b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntVb\ntR"
  )
  choice = rng.integers(5)
  if choice == 0:
    value = b"cnumpy.core.multiarray\nscalar\n(" + dtype + raw + b"tR"
  elif choice == 1:
    value = array + b"(I1\n" + shape + dtype + b"I00\n" + raw + b"tb"
  elif choice == 2:
    value = (
      b"cnumpy.core.numeric\n_frombuffer\n(" + raw + dtype + shape + b"VC\ntR"
    )
  elif choice == 3:  # lists that hold each other, twice each
    value = b"(lp0\n" + b"".join(
      b"(lp%d\ng%d\nag%d\na" % (n, n - 1, n - 1) for n in range(1, 60)
    )
  else:
    value = b"(l" * int(rng.integers(1, 5000))
  return (
    b"(dV" + rng.choice([b"weights", b"poses", b"f"]) + b"\n" + value + b"s."
  )


def _opcodes_shuffled(data: bytes, rng: np.random.Generator) -> bytes:
  """Two operations of a pickle change places, or one comes again."""
  try:
    places = [place for _, _, place in pickletools.genops(data)]
  except ValueError:
    return data
  a, b = sorted(rng.integers(0, len(places) - 1, 2))
  one, two = (data[places[n] : places[n + 1]] for n in (a, b))
  middle = data[places[a + 1] : places[b]] if a < b else b""
  rest = data[places[b + 1] :]
  if rng.random() < 0.5:
    one, two = one + two, two
  else:
    one, two = two, one
  return data[: places[a]] + one + middle + two + rest


def _make(files, rng: np.random.Generator) -> bytes:
  if rng.random() < 0.2:
    return _evil(rng)
  data = files[rng.integers(len(files))]
  if rng.random() < 0.4:
    data = _opcodes_shuffled(data, rng)
  return mutated(data, rng)


def _read_smpl(path: Path) -> str:
  smpl_file.load(path)
  return ACCEPTED


def _read_sequence(path: Path) -> str:
  sequences.read_sequence(path)
  return ACCEPTED


KINDS = (
  Kind(
    "pickles of SMPL",
    *(2000, 80, ".pkl"),
    lambda rng: _make(smpl_pickles(), rng),
    _read_smpl,
    (smpl_file.SmplError,),
    100,
  ),
  Kind(
    "pickles of 3DPW",
    *(2000, 80, ".pkl"),
    lambda rng: _make(sequence_pickles(), rng),
    _read_sequence,
    (ValueError,),
    100,
  ),
)
