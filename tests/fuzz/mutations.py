"""What happens to files: bytes flipped, lost, doubled, cut, made extreme."""

import numpy as np

_EXTREMES = (
  b"\x00\x00\x00\x00",
  b"\xff\xff\xff\xff",
  b"\x7f\xff\xff\xff",
  b"\xff\xff\xff\x7f",
  b"\x00\x00\x00\x80",
  b"\xff" * 8,
  b"\xff" * 7 + b"\x7f",
  b"\x00" * 8,
)


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
  """The bytes after one to four accidents; one in fifty stays whole."""
  if rng.random() < 0.02:
    return data
  for _ in range(rng.integers(1, 5)):
    step = _STEPS[rng.integers(len(_STEPS))]
    data = step(data, rng)
  return data


def _place(data: bytes, rng: np.random.Generator) -> int:
  """Somewhere, and as often as not near the start."""
  size = len(data) if rng.random() < 0.5 else min(len(data), 300)
  return int(rng.integers(size + 1))


def _flip_bits(data: bytes, rng: np.random.Generator) -> bytes:
  changed = bytearray(data)
  for _ in range(rng.integers(1, 9) if data else 0):
    place = min(_place(data, rng), len(data) - 1)
    changed[place] ^= 1 << int(rng.integers(8))
  return bytes(changed)


def _set_bytes(data: bytes, rng: np.random.Generator) -> bytes:
  place, count = _place(data, rng), int(rng.integers(1, 5))
  return data[:place] + rng.bytes(count) + data[place + count :]


def _cut(data: bytes, rng: np.random.Generator) -> bytes:
  return data[: _place(data, rng)]


def _lose(data: bytes, rng: np.random.Generator) -> bytes:
  place = _place(data, rng)
  return data[:place] + data[place + int(rng.integers(1, 65)) :]


def _double(data: bytes, rng: np.random.Generator) -> bytes:
  place = _place(data, rng)
  piece = data[place : place + int(rng.integers(1, 257))]
  times = int(rng.integers(1, 9))
  return data[:place] + piece * times + data[place:]


def _move(data: bytes, rng: np.random.Generator) -> bytes:
  start, to = _place(data, rng), _place(data, rng)
  piece = data[start : start + int(rng.integers(1, 257))]
  return data[:to] + piece + data[to + len(piece) :]


def _blank(data: bytes, rng: np.random.Generator) -> bytes:
  place, count = _place(data, rng), int(rng.integers(1, 1025))
  gone = len(data[place : place + count])
  value = (b"\x00", b"\xff", b" ")[rng.integers(3)]
  return data[:place] + value * gone + data[place + gone :]


def _extreme(data: bytes, rng: np.random.Generator) -> bytes:
  place, value = _place(data, rng), _EXTREMES[rng.integers(len(_EXTREMES))]
  return data[:place] + value + data[place + len(value) :]


_STEPS = (
  *(_flip_bits, _flip_bits, _set_bytes, _set_bytes, _cut, _lose, _double),
  *(_move, _blank, _extreme, _extreme),
)
