"""The check of a GPU, with people who are quickly made."""

import numpy as np
import pytest
from absl.testing import flagsaver

from hund_tf.training import speed
from tools import gpu_check


class _Quick:
  """Joints [1, 63, 3] whose error is that of the device."""

  error = 0.0

  def __call__(self, number: int) -> np.ndarray:
    return np.full([1, 63, 3], self.error)


def _run(folder, error: float, **flags) -> int:
  _Quick.error = error
  with flagsaver.flagsaver(
    check_output=str(folder / f"{error}.npz"),
    check_batches=[1, 2],
    check_repeats=1,
    check_training=False,
    **flags,
  ):
    return gpu_check.main(["gpu_check"])


def test_devices_are_compared(tmp_path, monkeypatch, capsys):
  monkeypatch.setattr(gpu_check, "_People", _Quick)
  assert _run(tmp_path, 0.0) == 0
  reference = str(tmp_path / "0.0.npz")
  assert _run(tmp_path, 5e-4, check_reference=reference) == 0
  assert "people/2:" in capsys.readouterr().out
  assert _run(tmp_path, 2e-3, check_reference=reference) == 1
  assert "NOT equal" in capsys.readouterr().out


def test_rate_of_products_is_that_of_the_clock(monkeypatch):
  monkeypatch.setattr(speed, "median_seconds", lambda function, repeats: 0.5)
  assert speed.matmul_rate("float32", 16, 1) == pytest.approx(8 * 2 * 16**3 * 2)
