"""Means, shares and their standard errors by hand."""

import csv
import json

import numpy as np

from hund_tf.evaluation import figures
from hund_tf.evaluation.figures import Figure, Row


def test_mean_leaves_out_what_is_not_known():
  value, error = figures.mean(np.array([1.0, 3.0, np.nan]))
  assert value == 2.0
  assert np.isclose(error, np.sqrt(2.0) / np.sqrt(2))
  assert np.isnan(figures.mean(np.array([np.nan])).value)
  assert np.isnan(figures.mean(np.array([4.0])).error)


def test_share_of_single_members_has_the_binomial_error():
  right = np.array([1, 1, 1, 0])
  value, error = figures.share(right, np.ones(4))
  assert value == 0.75
  assert np.isclose(error, np.sqrt(0.75 * 0.25 / 3))


def test_members_of_a_group_are_no_independent_evidence():
  """Four joints of a person say as much of other people as one."""
  right, counted = np.array([1, 1, 1, 0]), np.ones(4)
  single = figures.share(right, counted)
  whole = figures.share(4 * right, 4 * counted)
  assert whole.value == single.value
  assert np.isclose(whole.error, single.error)
  # Groups without members change nothing.
  more = figures.share(np.append(right, 0), np.append(counted, 0))
  assert more == single
  assert np.isnan(figures.share(right, 0 * counted).value)


def test_table_and_files(tmp_path):
  nothing = Figure(float("nan"), float("nan"))
  rows = [
    Row("a", {"people": 2}, {"recall": Figure(0.5, 0.25)}),
    Row("b", {"people": 0}, {"recall": nothing}),
  ]
  assert figures.markdown(rows, 2).splitlines() == [
    "|  | people | recall |",
    "| --- | --- | --- |",
    "| a | 2 | 0.50 ± 0.25 |",
    "| b | 0 | - |",
  ]
  figures.write(rows, {"protocol": "test"}, tmp_path, "name")
  content = json.loads((tmp_path / "name.json").read_text())
  assert content["protocol"] == "test"
  assert content["rows"][1]["recall"] is None
  with (tmp_path / "name.csv").open(encoding="utf-8") as file:
    lines = list(csv.DictReader(file))
  assert float(lines[0]["recall standard error"]) == 0.25
  assert lines[1]["recall"] == ""
