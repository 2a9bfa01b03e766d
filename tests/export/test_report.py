"""The JSON result: what it says, its check, and its document."""

import copy
import json
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hund_tf.body import keypoints, skeleton
from hund_tf.detection.interface import Detection
from hund_tf.export.report import (
  VERSION,
  build_report,
  read_report,
  validate_report,
  write_report,
)
from hund_tf.photos.cameras import PhotoCamera
from hund_tf.photos.people import SeenPhoto
from hund_tf.photos.source import PhotoSource
from hund_tf.reconstruction.part_results import PartResult
from hund_tf.reconstruction.reconstructor import Person
from hund_tf.types import (
  STATE_DIMS,
  AlignmentTerms,
  BodyOutput,
  FaceState,
  HandState,
  HumanState,
  Intrinsics,
  RefinementState,
)

STEPS = 4
DOCUMENT = Path(__file__).parents[2] / "docs" / "result_schema.md"


def _person(seed: int, quality: float | None = None) -> Person:
  random = np.random.RandomState(seed)

  def normal(*shape):
    return random.normal(size=shape).astype(np.float32)

  states = HumanState(*(normal(STEPS, dim) for dim in STATE_DIMS))
  rotations = Rotation.random(63, random_state=seed).as_matrix()
  detected = np.abs(normal(137, 3))
  detected[:, 2] = np.clip(detected[:, 2], 0, 1)
  return Person(
    detection=Detection(np.float32([10, 20, 30, 40]), 0.87654321, detected),
    crop_box=np.float32([5, 15, 50, 50]),
    state=HumanState(*(s[-1] for s in states)),
    body=BodyOutput(
      vertices=normal(10, 3),
      joints=normal(63, 3),
      keypoints=normal(137, 3),
      rotations=rotations.astype(np.float32),
    ),
    keypoints_2d=normal(137, 2) * 100,
    trace=RefinementState(
      state=states,
      terms=AlignmentTerms(*(normal(STEPS) ** 2 for _ in range(5))),
      memory=np.zeros([STEPS, 0], np.float32),
      seconds=np.arange(STEPS, dtype=np.float32),
    ),
    quality=quality,
  )


IMAGE = np.zeros([300, 400, 3], np.uint8)
CAMERA = PhotoCamera(
  Intrinsics(np.float32([500.123456, 510]), np.float32([200, 150])), "default"
)


def _report(people, **options):
  photo = SeenPhoto("in/a photo.jpg", None, IMAGE, CAMERA, [])
  return build_report(photo, "bfgs", people, **options)


def _parts() -> tuple[PartResult, ...]:
  """A hand that is used, a face that is not, a hand that is not seen."""
  normal = np.random.RandomState(0).normal
  box = np.float32([5, 15, 50, 50])

  def read(name, used, reason, dims, points):
    state = type(dims)(*(normal(size=[STEPS, size]) for size in dims))
    return PartResult(
      name,
      used,
      reason,
      0.91234567,
      30.0,
      box,
      state=type(dims)(*(field[-1] for field in state)),
      rotation=Rotation.random(random_state=0).as_matrix(),
      keypoints=normal(size=[points, 3]),
      keypoints_2d=normal(size=[points, 2]),
      trace=RefinementState(
        state,
        AlignmentTerms(*(normal(size=STEPS) ** 2 for _ in range(5))),
        np.zeros([STEPS, 0]),
        np.arange(STEPS),
      ),
    )

  return (
    read("face", False, "elsewhere", FaceState(20, 16, 2, 6, 3), 70),
    PartResult("left_hand", False, "not seen", 0.0, 0.0, np.zeros(4)),
    read("right_hand", True, "", HandState(45, 1, 6, 3), 21),
  )


@pytest.fixture(name="report")
def _good() -> dict:
  with_parts = _person(1, 0.75)._replace(
    parts=_parts(), gaze=np.float32([0.5, -1.0])
  )
  return _report([_person(0), with_parts], include_trace=True)


def test_empty_boxes_are_told():
  photo = SeenPhoto("a.jpg", None, IMAGE, CAMERA, [], (0, 2))
  report = build_report(photo, "bfgs", [_person(1)])
  assert report["empty_boxes"] == [0, 2]
  assert "empty_boxes" not in _report([_person(1)])
  validate_report(report)
  with pytest.raises(ValueError, match="empty_boxes"):
    validate_report(report | {"empty_boxes": "2"})


def test_says_what_was_found(report):
  assert report["schema_version"] == VERSION
  assert report["photo"] == {"file": "a photo.jpg", "width": 400, "height": 300}
  assert report["camera"]["focal"] == [500.123, 510.0]
  assert report["method"] == "bfgs"
  assert report["joint_names"] == list(skeleton.NAMES)
  assert report["joint_parents"][0] == -1
  assert report["keypoint_names"] == list(keypoints.NAMES)
  person, found = _person(1), report["people"][1]
  assert found["score"] == pytest.approx(0.8765, abs=1e-4)
  for name, value in person.state._asdict().items():
    np.testing.assert_allclose(found["latents"][name], value, atol=1e-6)
    trace = getattr(person.trace.state, name)
    np.testing.assert_allclose(found["trace"][name], trace, atol=1e-6)
  joints, points = found["joints"], found["keypoints"]
  np.testing.assert_allclose(joints["positions"], person.body.joints, atol=1e-5)
  np.testing.assert_allclose(
    joints["rotations"], person.body.rotations, atol=1e-6
  )
  np.testing.assert_allclose(
    Rotation.from_rotvec(joints["rotation_vectors"]).as_matrix(),
    joints["rotations"],
    atol=1e-5,
  )
  np.testing.assert_allclose(
    points["positions"], person.body.keypoints, atol=1e-5
  )
  np.testing.assert_allclose(
    points["reprojected"], person.keypoints_2d, atol=1e-3
  )
  detected = np.c_[points["detected"], points["confidence"]]
  np.testing.assert_allclose(detected, person.detection.keypoints, atol=1e-3)
  for name, values in person.trace.terms._asdict().items():
    np.testing.assert_allclose(found["iterations"][name], values, rtol=1e-5)
  assert found["iterations"]["seconds"] == [0, 1, 2, 3]


def test_round_trip_through_a_strict_file(tmp_path, report):
  path = tmp_path / "a.json"
  write_report(path, report)
  assert read_report(path) == report

  def refuse(constant):
    raise AssertionError(constant)

  json.loads(path.read_text(), parse_constant=refuse)
  lines = path.read_text().splitlines()
  assert max(map(len, lines)) < 5000  # a line is a field or a row
  assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_nobody_and_an_odd_file_name(tmp_path):
  name = 'ü [ 1 ] "x" \udcff.jpg'
  report = build_report(SeenPhoto(name, None, IMAGE, CAMERA, []), "adam", [])
  write_report(tmp_path / "a.json", report)
  found = read_report(tmp_path / "a.json")
  shown = 'ü [ 1 ] "x" \\xff.jpg'
  assert found["people"] == [] and found["photo"]["file"] == shown
  assert "\\ud" not in (tmp_path / "a.json").read_text()


def test_the_file_of_the_photo_is_told(report):
  source = PhotoSource("../in/\udcff.jpg", 1234, "ab" * 32)
  found = _report([], source=source)["photo"]
  assert found["path"] == "../in/\\xff.jpg"
  assert (found["bytes"], found["sha256"]) == (1234, "ab" * 32)
  report["photo"] = found
  validate_report(report)
  del found["sha256"]
  with pytest.raises(ValueError, match=r"report\.photo: has no field 'sha256'"):
    validate_report(report)


def test_quality_is_optional_and_a_probability(report):
  assert "quality" not in report["people"][0]
  assert report["people"][1]["quality"] == 0.75
  for bad in (1.2, -0.1, None, "good"):
    report["people"][1]["quality"] = bad
    with pytest.raises(ValueError, match=r"people\[1\]\.quality: is"):
      validate_report(report)
  with pytest.raises(ValueError, match="quality"):
    _report([_person(0, float("nan"))])


def test_uncertainty_is_optional_and_of_each_joint():
  person = _person(0)._replace(uncertainty=np.linspace(0.0, 99.96, 63))
  report = _report([_person(0), person])
  assert "uncertainty" not in report["people"][0]
  assert report["people"][1]["uncertainty"][-1] == 100.0
  report["people"][1]["uncertainty"].pop()
  with pytest.raises(ValueError, match=r"people\[1\]\.uncertainty: has 62"):
    validate_report(report)


def test_trace_is_optional():
  person = _person(0)._replace(parts=_parts())
  (found,) = _report([person])["people"]
  assert "trace" not in found
  assert "trace" not in found["parts"]["face"]


def test_parts_say_whether_they_are_used_and_why_not(report):
  assert "parts" not in report["people"][0]
  assert "gaze" not in report["people"][0]
  person = report["people"][1]
  assert person["gaze"] == [0.5, -1.0]
  face, left, right = (
    person["parts"][name] for name in ("face", "left_hand", "right_hand")
  )
  assert left == {
    "used": False,
    "score": 0.0,
    "crop_box": [0.0] * 4,
    "reason": "not seen",
  }
  assert not face["used"] and face["reason"] == "elsewhere"
  assert right["used"] and "reason" not in right
  assert right["score"] == 0.9123
  part = _parts()[2]
  for name, value in part.state._asdict().items():
    np.testing.assert_allclose(right["latents"][name], value, atol=1e-6)
    trace = getattr(part.trace.state, name)
    np.testing.assert_allclose(right["trace"][name], trace, atol=1e-6)
  np.testing.assert_allclose(right["rotation"], part.rotation, atol=1e-6)
  points = right["keypoints"]
  np.testing.assert_allclose(points["positions"], part.keypoints, atol=1e-5)
  np.testing.assert_allclose(
    points["reprojected"], part.keypoints_2d, atol=1e-3
  )
  assert len(right["iterations"]["total"]) == STEPS


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("field", ["joints", "keypoints", "rotations"])
def test_values_that_are_not_finite_are_refused(bad, field):
  person = _person(0)
  values = getattr(person.body, field).copy()
  values[7] = bad
  person = person._replace(body=person.body._replace(**{field: values}))
  with pytest.raises(ValueError, match=r"people\[1\]\..*\[7\].*finite number"):
    _report([_person(1), person])


def _set(report, path, value):
  *parents, last = path
  for key in parents:
    report = report[key]
  if value is None:
    del report[last]
  else:
    report[last] = value


@pytest.mark.parametrize(
  "path, value, message",
  [
    (["camera"], None, "report: has no field 'camera'"),
    (["schema"], "other", "report.schema: is 'other', expected one of"),
    (["schema_version"], "2.0", "schema_version is 2.0, this reader knows 1.x"),
    (["photo", "width"], 3.5, "report.photo.width: is float, expected int"),
    (["photo", "width"], True, "report.photo.width: is bool, expected int"),
    (["camera", "focal"], [1.0], r"camera.focal: has 1 entries, expected 2"),
    (["camera", "focal", 1], float("nan"), r"camera.focal\[1\]: is nan"),
    (["camera", "source"], "guess", "camera.source: is 'guess', expected one"),
    (["people"], {}, "report.people: is dict, expected list"),
    (
      ["people", 1, "score"],
      "high",
      r"people\[1\].score: is str, expected num",
    ),
    (["people", 0, "box", 2], [], r"people\[0\].box\[2\]: is list, expected"),
    (["people", 0, "latents", "shape"], [0.0] * 10, "10 entries, expected 16"),
    (["people", 0, "joints", "positions", 4], None, "62 entries, expected 63"),
    (["people", 0, "iterations", "part"], [1.0], "1 entries, expected 4"),
    (["people", 0, "trace", "shape"], [[0.0] * 16], "1 entries, expected 4"),
    (["people", 1, "gaze"], [1.0], "gaze: has 1 entries, expected 2"),
    (["people", 1, "parts"], 3, "parts: is int, expected an object"),
    (
      ["people", 1, "parts", "face", "used"],
      1,
      "parts.face.used: is int, expected bool",
    ),
    (
      ["people", 1, "parts", "left_hand", "score"],
      None,
      "parts.left_hand: has no field 'score'",
    ),
    (
      ["people", 1, "parts", "right_hand", "latents", "pose"],
      [0.0],
      "right_hand.latents.pose: has 1 entries, expected 45",
    ),
    (["joint_names", 3], 3, r"joint_names\[3\]: is int, expected strings"),
  ],
)
def test_check_names_the_fault(tmp_path, report, path, value, message):
  bad = copy.deepcopy(report)
  _set(bad, path, value)
  with pytest.raises(ValueError, match=message):
    validate_report(bad)
  with pytest.raises(ValueError, match=message):
    write_report(tmp_path / "a.json", bad)
  assert not list(tmp_path.iterdir())


def test_what_is_not_a_report(tmp_path):
  with pytest.raises(ValueError, match="report: is list, expected an object"):
    validate_report([])
  (tmp_path / "a.json").write_text('{"schema": ')
  with pytest.raises(ValueError, match="a.json: "):
    read_report(tmp_path / "a.json")


def test_later_fields_are_ignored(report):
  report["schema_version"] = VERSION.split(".")[0] + ".9"
  report["people"][0]["mood"] = "good"
  validate_report(report)


def test_document_names_every_field(report):
  text = DOCUMENT.read_text(encoding="utf-8")
  assert f"version {VERSION}" in text
  documented = set(re.findall(r"`([a-z_]+)`", text))

  def names(value):
    if isinstance(value, dict):
      for key, inner in value.items():
        yield key
        yield from names(inner)
    elif isinstance(value, list):
      for inner in value[:1]:
        yield from names(inner)

  assert set(names(report)) <= documented


def test_heights_say_whether_they_were_given():
  photo = SeenPhoto("a.jpg", None, IMAGE, CAMERA, [])
  people = [
    _person(0)._replace(height_m=1.8312345, height_given=True),
    _person(1)._replace(height_m=1.61),
    _person(2),
  ]
  report = build_report(photo, "hund", people)
  found = [
    (person.get("height_m"), person.get("height_source"))
    for person in report["people"]
  ]
  assert found == [(1.83123, "given"), (1.61, "estimated"), (None, None)]
  report["people"][0]["height_source"] = "guessed"
  with pytest.raises(ValueError, match="height_source: is 'guessed'"):
    validate_report(report)
