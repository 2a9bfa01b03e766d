"""In which order several sources take turns, as a function of the position."""

import functools
import math
from collections.abc import Sequence

import numpy as np

_BLOCK = 1000  # positions in which the shares are exact


class Mix:
  """Sources by weight: exact in every 1000 positions, in shuffled order.

  The source of a position, and how often that source came before, depend on
  the seed and on the position alone, so that any position can be asked for.
  """

  def __init__(self, weights: Sequence[float], seed: int):
    """Prepares the turns.

    Args:
      weights: of the sources, any positive numbers.
      seed: of the order.

    Raises:
      ValueError: if there is no weight, one is not positive and finite, or one
        is less than a thousandth of their sum.
    """
    total = math.fsum(weights)
    if not weights or not all(0.0 < w <= total < math.inf for w in weights):
      raise ValueError(f"mixing weights: got {list(weights)}, expected > 0")
    shares = np.array(weights) * (_BLOCK / total)
    if shares.min() < 1.0:
      raise ValueError(
        f"mixing weights: got {list(weights)}, expected each to be at least "
        "a thousandth of their sum"
      )
    self._seed = seed
    self._counts = _largest_remainders(shares)
    self._block = functools.lru_cache(maxsize=4)(self._make_block)

  def turns(self, first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Sources of some positions.

    Args:
      first: position, from 0.
      count: of positions.

    Returns:
      `[count]` int64 the source of each position, and `[count]` int64 how many
      earlier positions that source had.
    """
    sources = np.empty(count, np.int64)
    numbers = np.empty(count, np.int64)
    done = 0
    while done < count:
      block, begin = divmod(first + done, _BLOCK)
      end = min(_BLOCK, begin + count - done)
      order, within = self._block(block)
      part = slice(done, done + end - begin)
      sources[part] = order[begin:end]
      numbers[part] = within[begin:end] + block * self._counts[order[begin:end]]
      done += end - begin
    return sources, numbers

  def _make_block(self, block: int) -> tuple[np.ndarray, np.ndarray]:
    """Sources of a block's positions, and their numbers within the block."""
    order = np.repeat(np.arange(len(self._counts)), self._counts)
    order = generator(self._seed, 0, block).permutation(order)
    within = np.empty(_BLOCK, np.int64)
    for source, number in enumerate(self._counts):
      within[order == source] = np.arange(number)
    return order, within


def generator(seed: int, *key: int) -> np.random.Generator:
  """Random numbers of a seed and a key of non-negative integers."""
  sequence = np.random.SeedSequence(abs(seed), spawn_key=(int(seed < 0), *key))
  return np.random.Generator(np.random.Philox(sequence))


def _largest_remainders(shares: np.ndarray) -> np.ndarray:
  """Whole numbers nearest to shares whose sum is `_BLOCK`, with that sum."""
  counts = np.floor(shares).astype(np.int64)
  order = np.argsort(counts - shares, kind="stable")
  counts[order[: _BLOCK - counts.sum()]] += 1
  return counts
