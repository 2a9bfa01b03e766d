"""The numbers of `values.json` have not moved."""

import json

import numpy as np
import pytest

from tests.golden import values

_EXPECTED = json.loads(values.PATH.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def found(body_model):
  return values.compute(body_model)


@pytest.mark.parametrize("group", _EXPECTED)
def test_numbers_have_not_moved(group, found):
  assert set(found[group]) == set(_EXPECTED[group])
  for name, expected in _EXPECTED[group].items():
    exact = np.asarray(expected).dtype.kind == "i"
    np.testing.assert_allclose(
      found[group][name],
      expected,
      rtol=0.0 if exact else 1e-4,
      atol=0.0 if exact else 1e-5,
      err_msg=f"{name}: if the change is meant, python -m tests.golden.rewrite",
    )


def test_no_group_is_left_out(found):
  assert set(found) == set(_EXPECTED)


def test_hund_is_as_large_as_the_paper_says():
  """950,000 parameters; an LSTM of 256 units has 4 (256 + 256 + 1) 256."""
  sizes = _EXPECTED["hund_parameters"]
  assert sizes["lstm"] == 4 * 256 * (256 + 256 + 1)
  assert abs(sizes["all"] / 950_000 - 1.0) < 0.05
  assert sizes["all"] - sizes["without_posed_inputs"] == 75 * 256


def test_networks_are_as_large_as_they_may_be():
  """The paper's has 34 million parameters."""
  sizes = _EXPECTED["network_parameters"]
  assert abs(sizes["paper"] / 34e6 - 1.0) < 0.05
  assert sizes["small"] <= 3_000_000
