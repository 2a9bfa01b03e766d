"""Conversions: shards, restarts, damage, reports and runners."""

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hund_tf import beam
from hund_tf.beam import BeamError
from hund_tf.body import joint_sets, keypoints
from hund_tf.body.joint_sets import SMPL_24
from hund_tf.body.keypoints import COCO_NAMES
from hund_tf.datasets import registry
from hund_tf.datasets.coco import CocoPeople
from hund_tf.datasets.conversion import runners, shard, summary
from hund_tf.datasets.conversion.summary import ConversionError
from hund_tf.files import OutputError
from hund_tf.records import shards
from hund_tf.visualization import contact_sheet
from tests.datasets import coco_files
from tests.datasets.conversion.number_source import Full, Numbers
from tests.datasets.human36m import fixture as human36m_fixture
from tests.datasets.threedpw import fixture as threedpw_fixture

_ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def coco_folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp("coco")
  coco_files.write(folder, [coco_files.person(i, 1 + i // 2) for i in range(9)])
  return folder


def _source(folder, **settings) -> CocoPeople:
  place = registry.Place(str(folder), "val", **settings)
  return registry.open_dataset("coco", place)


def _run(source, folder, number=3, retry=False, limit=0.0):
  folder.mkdir(exist_ok=True)
  job = shard.make_job(source, folder, number)
  todo = runners.prepare(job, retry)
  runners.run_local(job, todo)
  result = summary.summarize(job)
  summary.write_report(folder, result)
  return todo, result, summary.finish(job, result, limit)


def _files(folder) -> dict[str, bytes]:
  return {
    path.name: path.read_bytes()
    for path in sorted(folder.iterdir())
    if "-of-" in path.name
  }


def _states(folder, pattern) -> list:
  paths = sorted(folder.glob(pattern))
  return [(p.name, p.stat().st_ino, p.stat().st_mtime_ns) for p in paths]


def test_shards_hold_every_person_in_order(coco_folder, tmp_path):
  todo, result, manifest = _run(_source(coco_folder), tmp_path / "out")
  assert todo == [0, 1, 2] and result.records == 9 and result.items == 5
  assert result.counts == {"body keypoints": 9, "image": 9}
  assert result.bad_fraction == 0 and not result.damage
  found = shards.read_manifest(tmp_path / "out")
  shards.verify(found)
  assert found == manifest and found.count == 9
  keys = [record.key for record in shards.read_records(found)]
  # Photo i is in shard i % 3.
  photos = [1, 1, 4, 4, 2, 2, 5, 3, 3]
  assert [int(key.split("/")[0]) for key in keys] == photos
  content = json.loads((tmp_path / "out/coco.report.json").read_text())
  assert content["records"] == 9 and content["bad_fraction"] == 0
  text = (tmp_path / "out/coco.report.txt").read_text()
  assert "9 records of 5 inputs in 3 shards" in text


def test_other_settings_make_other_shards(coco_folder, tmp_path):
  source = _source(coco_folder)
  _run(source, tmp_path)
  assert _run(source, tmp_path)[0] == []
  smaller = dataclasses.replace(source, max_side=50)
  todo, _, manifest = _run(smaller, tmp_path)
  assert todo == [0, 1, 2]
  record = next(iter(shards.read_records(manifest)))
  assert tuple(record.image_size) == (50, 50)


# Ends itself, as by kill -9, in the middle of the third of four shards.
_KILLED = """
import os, signal, sys
from pathlib import Path
from hund_tf.datasets.conversion import runners, shard
from tests.datasets.conversion.number_source import Numbers

class Killed(Numbers):
  def convert(self, item):
    yield from super().convert(item)
    if item.key == "item 6":
      os.kill(os.getpid(), signal.SIGKILL)

Killed.__name__ = "Numbers"  # the same settings
job = shard.make_job(Killed("-" * 12), Path(sys.argv[1]), 4)
runners.run_local(job, runners.prepare(job))
"""


def test_goes_on_after_being_killed(tmp_path):
  folder = tmp_path / "out"
  folder.mkdir()
  child = subprocess.run(
    [sys.executable, "-c", _KILLED, str(folder)], cwd=_ROOT, timeout=300
  )
  assert child.returncode == -signal.SIGKILL
  assert not (folder / "numbers.manifest.json").exists()
  assert len(list(folder.glob("numbers-*.tfrecord"))) == 2
  assert list(folder.glob(".numbers-00002-of-00004.*.tmp*"))
  before = _states(folder, "numbers-0000[01]-*")
  assert len(before) == 8
  source = Numbers("-" * 12)
  todo, _, manifest = _run(source, folder, 4)
  assert todo == [2, 3] and manifest.count == 12
  assert _states(folder, "numbers-0000[01]-*") == before
  assert not list(folder.glob(".*"))
  _run(source, tmp_path / "other", 4)
  assert _files(folder) == _files(tmp_path / "other")


def test_processes_make_the_same_shards(tmp_path):
  source, folder = Numbers("--m-r--d"), tmp_path / "out"
  folder.mkdir()
  job = shard.make_job(source, folder, 3)
  done = []
  runners.run_local(job, runners.prepare(job), 2, lambda: done.append(1))
  assert len(done) == 3
  _run(source, tmp_path / "other", limit=0.5)
  assert _files(folder) == _files(tmp_path / "other")


def test_a_full_disk_in_a_process_is_told_as_such(tmp_path):
  job = shard.make_job(Full("----"), tmp_path, 2)
  (tmp_path / ".numbers-00001-of-00002.01234567.tmp.tfrecord").touch()
  with pytest.raises(OutputError, match="of-00002.*cannot be .*too large"):
    runners.run_local(job, [0, 1], 2)
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "RuntimeError: "])
def test_an_error_on_beam_is_told_without_beams_words(text):
  error = OutputError("a", "cannot be written (No space left)", "make room")
  told = (
    f"Traceback\n{text}hund_tf.files.OutputError: {error} [while running x]"
  )
  assert beam._cause(RuntimeError(told)) == f"OutputError: {error}"


def test_too_much_damage_fails_and_keeps_the_shards(tmp_path):
  source = Numbers("--m-dr-m--")
  with pytest.raises(ConversionError) as error:
    _run(source, tmp_path, limit=0.24)
  # Two are missing, of one a half: 2.5 of 10.
  assert "25.00% of 10 inputs are damaged, allowed are 24.00%" in str(
    error.value
  )
  assert "2 x missing (first: item 7: missing); 1 x damaged" in str(error.value)
  assert not (tmp_path / "numbers.manifest.json").exists()
  assert "item 2: missing" in (tmp_path / "numbers.report.txt").read_text()
  before = _states(tmp_path, "*.tfrecord")
  todo, result, manifest = _run(source, tmp_path, limit=0.25)
  assert todo == [] and _states(tmp_path, "*.tfrecord") == before
  assert manifest.count == result.records == 8
  assert result.damage == {"missing": 2, "damaged": 1}
  assert result.left_out == {"rule": 1}
  content = json.loads((tmp_path / "numbers.manifest.json").read_text())
  assert content["summary"]["damage"] == {"missing": 2, "damaged": 1}
  assert content["summary"]["named"]["damaged"] == ["item 4: damaged"]


def test_mended_inputs_are_tried_again(tmp_path):
  people = [coco_files.person(i, i) for i in range(1, 7)]
  coco_files.write(tmp_path, people)
  photo = tmp_path / "val2017/000000000002.jpg"
  kept = photo.read_bytes()
  photo.write_bytes(kept[: len(kept) // 2])
  source, out = _source(tmp_path), tmp_path / "out"
  _, result, manifest = _run(source, out, limit=0.2)
  assert manifest.count == 5 and result.damage == {"damaged photo": 1}
  photo.write_bytes(kept)
  assert _run(source, out, limit=0.2)[0] == []
  before = _states(out, "coco-0000[02]-*.tfrecord")
  todo, result, manifest = _run(source, out, retry=True)
  assert todo == [1] and manifest.count == 6 and not result.damage
  assert _states(out, "coco-0000[02]-*.tfrecord") == before
  _run(source, tmp_path / "whole")
  assert _files(out) == _files(tmp_path / "whole")


def test_faults_that_the_reader_misses_are_damage(tmp_path):
  _, result, manifest = _run(Numbers("-n-e"), tmp_path, limit=0.5)
  assert result.damage == {"invalid record": 1, "unreadable input": 1}
  assert manifest.count == 2 and result.bad_fraction == 0.5
  assert result.counts == {"subject S1": 2}
  assert "box has values that are not finite" in str(result.named)
  assert "item 3: OSError: the disk has gone" in str(result.named)


def test_nothing_to_convert_is_an_error(tmp_path):
  with pytest.raises(ConversionError, match="nothing to convert"):
    _run(Numbers(""), tmp_path)
  with pytest.raises(ConversionError, match="no record of 2 inputs; 2 x miss"):
    _run(Numbers("mm"), tmp_path, limit=1.0)


def test_an_unfinished_shard_has_no_summary(tmp_path):
  job = shard.make_job(Numbers("----"), tmp_path, 2)
  shard.convert_shard(job, 0)
  with pytest.raises(ConversionError, match="00001-of-00002.*is not done"):
    summary.summarize(job)


def _check_3d(manifest, name):
  record = next(iter(shards.read_records(manifest)))
  assert record.dataset == name and record.image
  assert record.joint_weights.all() and record.intrinsics_weight == 1
  assert contact_sheet.contact_sheet([record]).width > 200


def test_human36m_is_converted(tmp_path):
  root = tmp_path / "h36m"
  root.mkdir()
  human36m_fixture.write_metadata(root)
  human36m_fixture.write_take(root, 9, "Directions 1", "54138969")
  place = registry.Place(str(root), "test", frame_step=3)
  source = registry.open_dataset("h36m", place)
  with pytest.raises(ConversionError, match="80.00% of 5 inputs are damaged"):
    _run(source, tmp_path / "out")  # no other camera, no S11
  todo, result, manifest = _run(source, tmp_path / "out", limit=0.8)
  assert todo == []
  frames = [record.frame for record in shards.read_records(manifest)]
  assert frames == list(range(0, human36m_fixture.FRAMES, 3))
  assert result.counts["subject S9"] == result.counts["3D joints"]
  _check_3d(manifest, "h36m")


def test_3dpw_is_converted(tmp_path):
  threedpw_fixture.write(tmp_path / "3dpw")
  place = registry.Place(str(tmp_path / "3dpw"), "test")
  source = registry.open_dataset("3dpw", place)
  _, result, manifest = _run(source, tmp_path / "out", number=1)
  assert result.counts["known intrinsics"] == manifest.count > 2
  _check_3d(manifest, "3dpw")


def test_far_labels_of_coco_are_counted(tmp_path):
  people = [coco_files.person(1, 1), coco_files.person(2, 2)]
  path = coco_files.write(tmp_path, people)  # photos of 330 x 250
  wrist, knee, shoulder = (
    COCO_NAMES.index(name) for name in ("l_wrist", "r_knee", "r_shoulder")
  )
  people[0]["keypoints"][3 * wrist] = 330 + 329
  people[0]["keypoints"][3 * knee] = -331
  people[1]["keypoints"][3 * wrist + 1] = float("nan")
  people[1]["keypoints"][3 * shoulder] = 1e40
  content = json.loads(path.read_text()) | {"annotations": people}
  path.write_text(json.dumps(content))
  _, result, manifest = _run(_source(tmp_path), tmp_path / "out")
  assert result.far_labels == {"keypoints": 4} and not result.damage
  first, second = shards.read_records(manifest)
  for record, lost in (
    (first, ("r_knee",)),
    (second, ("l_wrist", "r_shoulder", "neck")),
  ):
    rows = [keypoints.INDEX[name] for name in lost]
    assert (
      not record.keypoints[rows].any() and not record.visibility[rows].any()
    )
    assert (record.keypoints[:, 2] > 0).sum() == 19 - len(lost)
    assert tuple(record.photo_size) == coco_files.SIZE
  text = (tmp_path / "out/coco.report.txt").read_text()
  assert "labels far outside their photo, stored as unknown:" in text
  assert "       4  keypoints" in text
  report = json.loads((tmp_path / "out/coco.report.json").read_text())
  assert report["far_labels"] == {"keypoints": 4}


def test_far_labels_of_3dpw_are_counted(tmp_path):
  content = threedpw_fixture.write(tmp_path / "3dpw")  # photos of 360 x 640
  content["poses2d"][0][0, :, 4] = [5000, 10, 0.9]  # the right wrist
  content["poses2d"][1][0, 0, 3] = np.inf  # the right elbow
  joints = content["jointPositions"][0]
  wrist = 3 * SMPL_24.index("l_wrist")
  camera = content["cam_poses"][0]
  joints[0, wrist : wrist + 3] += 30 * camera[0, :3]  # metres along the photo
  path = tmp_path / "3dpw/sequenceFiles/test/walk_00.pkl"
  path.write_bytes(threedpw_fixture.pickle_python2(content))
  place = registry.Place(str(tmp_path / "3dpw"), "test")
  source = registry.open_dataset("3dpw", place)
  _, result, manifest = _run(source, tmp_path / "out", number=1)
  assert result.far_labels == {"3D joints": 1, "keypoints": 2}
  records = {r.key: r for r in shards.read_records(manifest)}
  first = records["walk_00/actor0/00000"]
  assert np.flatnonzero(first.joint_weights == 0).tolist() == [wrist // 3]
  assert not first.keypoints[keypoints.INDEX["r_wrist"]].any()
  assert first.photo_box[2] < 640  # the far point does not widen the box
  second = records["walk_00/actor1/00000"]
  assert not second.keypoints[keypoints.INDEX["r_elbow"]].any()
  assert second.joint_weights.all()


def test_far_labels_of_human36m_are_counted(tmp_path):
  root = tmp_path / "h36m"
  root.mkdir()
  fixture = human36m_fixture
  fixture.write_metadata(root)
  joints, _ = fixture.write_take(root, 9, "Directions 1", "54138969")
  joints[5, fixture.LEFT_WRIST, 0] += 60_000  # millimetres
  poses = root / "S9/MyPoseFeatures/D3_Positions_mono"
  fixture.write_cdf(poses / "Directions 1.54138969.cdf", joints)
  shutil.rmtree(root / "S9/MyPoseFeatures/D2_Positions")
  place = registry.Place(str(root), "test", frame_step=5)
  source = registry.open_dataset("h36m", place)
  _, result, manifest = _run(source, tmp_path / "out", limit=0.8)
  assert result.far_labels == {"3D joints": 1, "keypoints": 1}
  far = next(r for r in shards.read_records(manifest) if r.frame == 5)
  wrist = joint_sets.H36M_17.index("l_wrist")
  assert np.flatnonzero(far.joint_weights == 0).tolist() == [wrist]
  assert not far.keypoints[keypoints.INDEX["l_wrist"]].any()


def test_layouts_are_told(tmp_path):
  with pytest.raises(ValueError, match="no split 'x', expected one of train"):
    registry.open_dataset("coco", registry.Place(str(tmp_path), "x"))
  expected = "annotations/densepose_coco_2014_minival.json and val2014/"
  with pytest.raises(ValueError, match=expected):
    registry.open_dataset("densepose", registry.Place(str(tmp_path), "minival"))
  place = registry.Place(str(tmp_path), "test", photo_dir="x")
  with pytest.raises(
    ValueError, match="--data_photos: means nothing for --data"
  ):
    registry.open_dataset("3dpw", place)
  place = registry.Place(str(tmp_path), frame_step=2)
  with pytest.raises(ValueError, match="--h36m_frame_step: means nothing"):
    registry.open_dataset("coco", place)
  boxes = tmp_path / "boxes.csv"
  boxes.touch()
  place = registry.Place(str(tmp_path), "test", annotations=str(boxes))
  with pytest.raises(ValueError, match="test: there is no such folder"):
    registry.open_dataset("openimages", place)


def test_beam_is_asked_for_by_name(tmp_path, monkeypatch):
  monkeypatch.setitem(sys.modules, "apache_beam", None)
  job = shard.make_job(Numbers("--"), tmp_path, 1)
  with pytest.raises(BeamError, match=r"hund_tf\[beam\]"):
    runners.run_beam(job, [0], "flink")


def test_beam_makes_the_same_shards(coco_folder, tmp_path):
  pytest.importorskip("apache_beam", reason="needs the extra [beam]")
  source, folder = _source(coco_folder), tmp_path / "beam"
  folder.mkdir()
  job = shard.make_job(source, folder, 3)
  runners.run_beam(job, runners.prepare(job), "direct")
  _run(source, tmp_path / "local")
  assert _files(folder) == _files(tmp_path / "local")
  assert len(_files(folder)) == 12
  (tmp_path / "none").touch()
  bad = shard.make_job(Numbers("--"), tmp_path / "none", 1)
  with pytest.raises(BeamError, match="the pipeline failed .*none"):
    runners.run_beam(bad, [0], "direct")
