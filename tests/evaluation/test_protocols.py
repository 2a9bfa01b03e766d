"""Protocols: who takes part, what is missing, and the tables."""

import csv
import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hund_tf.evaluation import protocols, reports, scoring, tables
from hund_tf.evaluation.compared_joints import lsp_from_h36m
from hund_tf.evaluation.predictions import Predictions
from hund_tf.evaluation.protocols import PROTOCOLS
from tests.evaluation import small_records

_P1, _P2, _3DPW = PROTOCOLS["h36m_p1"], PROTOCOLS["h36m_p2"], PROTOCOLS["3dpw"]


@pytest.fixture(scope="module")
def people():
  return small_records.records()


@pytest.fixture(scope="module")
def truth(people):
  return protocols.collect(people, _P1)


def _moved(people, offset=(0.0, 0.0, 0.3)):
  """Predictions of everybody, moved as a whole."""
  joints = np.array([person.joints for person in people], np.float64)
  keys = tuple(person.key for person in people)
  return Predictions(keys, {"joints_17": joints + offset})


def test_protocol_1_takes_both_test_subjects(truth):
  assert len(truth.keys) == 6 * 2 * 3
  assert {key.split("/")[0] for key in truth.keys} == {"S9", "S11"}
  assert truth.videos == 12
  assert truth.left_out == {"other subject": 6}
  assert set(truth.groups) == {"Directions", "SittingDown", "Photo"}
  assert truth.gaps == ()


def test_protocol_2_takes_one_camera_and_first_takes(people):
  truth = protocols.collect(people, _P2)
  takes = {tuple(key.split("/")[:3]) for key in truth.keys}
  # S9's first take of SittingDown has no number in its name.
  assert takes == {
    ("S9", "Directions 1", "60457274"),
    ("S9", "SittingDown", "60457274"),
    ("S11", "Directions 1", "60457274"),
    ("S11", "Photo 1", "60457274"),
  }
  assert truth.left_out["other take"] == 6
  assert truth.left_out["other camera"] == 18


def test_the_14_joints_and_the_pelvis_are_those_of_the_record(people, truth):
  by_key = {person.key: person for person in people}
  for i in (0, 7, 20):
    joints = by_key[truth.keys[i]].joints
    np.testing.assert_array_equal(truth.joints[i], lsp_from_h36m(joints))
    np.testing.assert_array_equal(truth.pelvis[i], joints[0])


def test_moved_predictions_cost_translation_only(people, truth):
  predicted = _moved(people)
  scores = scoring.score(truth, predicted, "pelvis")
  assert scores.found.all()
  means = {name: values.mean() for name, values in scores.errors.items()}
  assert means["mpjpe"] == pytest.approx(0.0, abs=1e-9)
  assert means["pa_mpjpe"] == pytest.approx(0.0, abs=1e-9)
  assert means["mpjpe_trans"] == pytest.approx(300.0)
  assert means["mpjpe_camera"] == pytest.approx(300.0)
  assert means["pck_50"] == means["auc_200"] == 1.0


def test_the_root_makes_a_difference(people, truth):
  predicted = _moved(people, (0.0, 0.0, 0.0))
  predicted.arrays["joints_17"][:, 0] += [0.0, 0.1, 0.0]  # the pelvis only
  pelvis = scoring.score(truth, predicted, "pelvis").errors
  hips = scoring.score(truth, predicted, "mid_hip").errors
  np.testing.assert_allclose(pelvis["mpjpe"], 100.0)
  np.testing.assert_allclose(hips["mpjpe"], 0.0, atol=1e-9)
  np.testing.assert_allclose(pelvis["pck_50"], 0.0)
  np.testing.assert_allclose(pelvis["auc_200"], 0.5)
  without = Predictions(
    predicted.keys, {"joints_14": lsp_from_h36m(predicted.arrays["joints_17"])}
  )
  assert scoring.score(truth, without, "mid_hip").errors["mpjpe"].max() < 1e-9
  with pytest.raises(ValueError, match="have no pelvis"):
    scoring.score(truth, without, "pelvis")


def test_the_order_of_predictions_is_free(people, truth):
  turn = Rotation.from_euler("xyz", [0.2, 0.1, 0.4]).as_matrix()
  predicted = _moved(people)
  predicted.arrays["joints_17"][::2] @= turn
  expected = scoring.score(truth, predicted, "pelvis")
  order = np.random.default_rng(0).permutation(len(people))
  shuffled = Predictions(
    tuple(predicted.keys[i] for i in order),
    {"joints_17": predicted.arrays["joints_17"][order]},
  )
  scores = scoring.score(truth, shuffled, "pelvis")
  for name, values in expected.errors.items():
    np.testing.assert_array_equal(scores.errors[name], values)
  assert np.ptp(expected.errors["mpjpe"]) > 1.0


def test_missing_and_unknown_predictions_are_counted_and_named(people, truth):
  predicted = _moved(people)
  predicted.arrays["joints_17"][1, 3] = np.nan  # not found
  kept = Predictions(
    ("nobody", *predicted.keys[1:]), predicted.arrays
  )  # the first is missing
  scores = scoring.score(truth, kept, "pelvis")
  assert scores.found.tolist() == [False, False] + [True] * 34
  assert np.isnan(scores.errors["mpjpe"][:2]).all()
  lines = scoring.warnings(truth, scores, _P1)
  assert any(
    line.startswith(
      "2 of 36 people have no prediction: S9/Directions/54138969/0"
    )
    for line in lines
  )
  # S1's six are of the data set, but of nobody in the protocol.
  assert any(line.startswith("7 predictions are of nobody") for line in lines)
  assert any("36 people, expected about 110000" in line for line in lines)
  assert any("12 videos, expected 239" in line for line in lines)


def test_all_there_gives_no_warning(people, truth):
  some = [person for person in people if person.subject != "S1"]
  scores = scoring.score(truth, _moved(some), "pelvis")
  protocol = _P1._replace(frames=36, videos=12)
  assert scoring.warnings(truth, scores, protocol) == []


def test_a_missing_frame_is_noticed(people):
  some = [p for p in people if p.key != "S9/Directions 1/54138969/000005"]
  truth = protocols.collect(some, _P1)
  assert truth.gaps == (
    "S9/Directions 1/54138969: 1 of 3 frames are missing, the first is 5",
  )
  odd = [
    p._replace(key=p.key[:-1] + "7", frame=7) if p.frame == 5 else p
    for p in people
  ]
  gaps = protocols.collect(odd, _P1).gaps
  assert any(
    "1 frames are not every 5th, the first is 7" in gap for gap in gaps
  )


def test_missing_joints_do_not_count(people, truth):
  weights = np.ones(17, np.float32)
  weights[6] = 0.0  # r_ankle
  some = [
    p._replace(joint_weights=weights, joints=p.joints + 0.0) for p in people
  ]
  for person in some:
    person.joints[6] = 1e3
  scores = scoring.score(protocols.collect(some, _P1), _moved(people), "pelvis")
  assert scores.errors["mpjpe"].max() < 1e-9
  assert scores.errors["mpjpe_camera"].max() == pytest.approx(300.0)


def test_records_without_joints_are_left_out_and_named(people):
  some = [
    p._replace(joint_set="", joints=np.zeros([0, 3]), joint_weights=np.zeros(0))
    if p.camera == "54138969"
    else p
    for p in people
  ]
  truth = protocols.collect(some, _P1)
  assert truth.left_out["no joints"] == 18 and len(truth.keys) == 18
  scores = scoring.score(truth, _moved(people), "pelvis")
  lines = scoring.warnings(truth, scores, _P1)
  assert "18 records have no joints and are left out" in lines


def test_records_that_cannot_be_compared_are_refused(people):
  with pytest.raises(ValueError, match="none of 6 records is of the protocol"):
    protocols.collect([p for p in people if p.subject == "S1"], _P1)
  with pytest.raises(ValueError, match="occurs twice"):
    protocols.collect(people + people[:1], _P1)
  smpl = people[0]._replace(
    key="S9/Directions/54138969/000015",
    joint_set="smpl_24",
    joints=np.ones([24, 3]),
    joint_weights=np.ones(24),
  )
  with pytest.raises(ValueError, match="joints of several sets"):
    protocols.collect([*people, smpl], _P1)
  own = smpl._replace(
    joint_set="hund_63", joints=np.ones([63, 3]), joint_weights=np.ones(63)
  )
  with pytest.raises(ValueError, match="are of 'hund_63', expected h36m_17"):
    protocols.collect([own], _P1)


def test_3dpw_groups_by_sequence_and_compares_smpls_joints():
  random = np.random.default_rng(4)
  people = [
    small_records.records()[0]._replace(
      key=f"{name}/actor{actor}/{frame:05d}",
      subject=f"actor{actor}/m",
      sequence=name,
      camera="",
      frame=frame,
      joint_set="smpl_24",
      joints=random.normal(size=(24, 3)).astype(np.float32),
      joint_weights=np.ones(24, np.float32),
    )
    for name in ("downtown_bus_00", "outdoors_fencing_01")
    for actor in (0, 1)
    for frame in (3, 4, 9)
  ]
  truth = protocols.collect(people, _3DPW)
  assert truth.videos == 2 and truth.gaps == ()
  joints = np.array([p.joints for p in people], np.float64)
  keys = tuple(p.key for p in people)
  scores = scoring.score(
    truth, Predictions(keys, {"joints_24": joints}), "pelvis"
  )
  assert scores.errors["mpjpe"].max() == 0.0
  rows = tables.summarize(scores.errors, scores.found, truth.groups)
  assert [(row.group, row.people) for row in rows] == [
    ("downtown_bus_00", 6),
    ("outdoors_fencing_01", 6),
    (tables.OVER_GROUPS, 12),
    (tables.ALL, 12),
  ]


def test_means_over_frames_and_over_actions():
  errors = {"mpjpe": np.array([10.0, 20.0, 60.0, np.nan, 7.0])}
  found = np.array([True, True, True, False, True])
  groups = ["a", "a", "b", "b", "a"]
  a, b, over, everyone = tables.summarize(errors, found, groups)
  assert (a.means["mpjpe"], a.people, a.found) == (37.0 / 3, 3, 3)
  assert (b.means["mpjpe"], b.people, b.found) == (60.0, 2, 1)
  assert over.means["mpjpe"] == pytest.approx((37.0 / 3 + 60.0) / 2)
  assert everyone.means["mpjpe"] == pytest.approx(97.0 / 4)
  assert len(tables.summarize(errors, found)) == 1


def test_files_hold_the_same_numbers_with_counts(people, truth, tmp_path):
  predicted = _moved(people)
  predicted.arrays["joints_17"][4] = np.nan
  noise = np.random.default_rng(1).normal(scale=0.05, size=(42, 17, 3))
  predicted.arrays["joints_17"][:] += noise
  scores = scoring.score(truth, predicted, "pelvis")
  text, lines = reports.of_records(
    _P1, truth, scores, "pelvis", "other system", tmp_path
  )
  content = json.loads((tmp_path / "h36m_p1.json").read_text())
  with (tmp_path / "h36m_p1.csv").open() as file:
    table = list(csv.DictReader(file))
  assert len(table) == len(content["rows"]) == 3 + 2
  for line, row in zip(table, content["rows"], strict=True):
    assert set(line) == set(row)
    for name, value in row.items():
      assert line[name] == ("" if value is None else str(value))
  everyone = content["rows"][-1]
  expected = scores.errors["mpjpe"][scores.found].mean()
  assert everyone["mpjpe_mm"] == pytest.approx(expected, abs=1e-6)
  assert everyone["people"] == 36 and everyone["found"] == 35
  assert content["people"]["expected"] == 110_000
  assert content["warnings"] == lines
  assert "| HUND (FS+SS) | 52.6 | 69.45 | 152.6 |" in text
  assert "| other system |" in text and "| Directions | 18 | 17 |" in text


def test_no_prediction_of_anybody_is_refused(people, truth):
  predicted = _moved(people)
  predicted.arrays["joints_17"][:] = np.nan
  with pytest.raises(ValueError, match="none of 42 is a finite one of the 36"):
    scoring.score(truth, predicted, "pelvis")


def test_ten_thousand_people_agree_with_one_by_one():
  random = np.random.default_rng(3)
  count = 10_000
  joints = random.normal(scale=0.4, size=(count, 17, 3)) + [0.0, 0.0, 5.0]
  keys = tuple(f"S9/Eating/54138969/{5 * i:06d}" for i in range(count))
  truth = protocols.Truth(
    keys=keys,
    groups=("Eating",) * count,
    joints=lsp_from_h36m(joints),
    weights=np.ones([count, 14]),
    pelvis=joints[:, 0],
    joint_set="h36m_17",
    videos=1,
    left_out={},
    gaps=(),
  )
  noisy = joints + random.normal(scale=0.05, size=joints.shape)
  scores = scoring.score(
    truth, Predictions(keys, {"joints_17": noisy}), "mid_hip"
  )
  for i in (0, 4321, 9999):
    a, b = lsp_from_h36m(noisy[i]), lsp_from_h36m(joints[i])
    a, b = a - (a[2] + a[3]) / 2, b - (b[2] + b[3]) / 2
    expected = np.sqrt(((a - b) ** 2).sum(-1)).mean()
    assert scores.errors["mpjpe"][i] == pytest.approx(1e3 * expected, abs=1e-6)
    turn, _ = Rotation.align_vectors(b - b.mean(0), a - a.mean(0))
    x, y = turn.apply(a - a.mean(0)), b - b.mean(0)
    expected = np.linalg.norm((x * y).sum() / (x * x).sum() * x - y, axis=-1)
    pa_mpjpe = scores.errors["pa_mpjpe"][i]
    assert pa_mpjpe == pytest.approx(1e3 * expected.mean(), abs=1e-6)
