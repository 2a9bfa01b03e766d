"""The whole way with stand-ins: numbers, resuming, memory, files."""

import gc
import json
import weakref

import cv2
import numpy as np
import pygltflib
import pytest
from pxr import Usd

from hund_tf.body import measures
from hund_tf.body.model import BodyModel
from hund_tf.motion.bvh import read_bvh
from hund_tf.photos.cameras import PhotoCamera
from hund_tf.photos.heights import user_heights
from hund_tf.video.progress import FramesPerSecond
from hund_tf.video.reconstruction import Source, VideoReconstruction
from hund_tf.video.results import KINDS, Results
from hund_tf.video.sightings import read_chunk, write_chunk
from hund_tf.video.steadying import MotionConfig
from hund_tf.video.watching import Watcher
from hund_tf.video.writing import video_writer
from tests.video import made


@pytest.fixture(scope="module")
def body_model():
  return BodyModel()


class _Holder:
  """Leaves states as they are, but for the shape."""

  def __call__(self, people, shapes, intrinsics):
    states = people.polished.copy()
    states[:, 159:175] = shapes
    return states


def _shaped(watcher):
  """Sightings whose shapes differ from frame to frame."""

  def watch(frames):
    chunk = watcher(frames)
    random = np.random.default_rng(int(chunk.numbers[0]))
    noise = random.normal(size=(len(chunk.owners), 16))
    chunk.people.polished[:, 159:175] += noise
    return chunk

  return watch


def _crossing(i):
  """0 goes right; 1 goes left, behind 0; 0 is not to be seen at 30 to 34."""
  people = [(1, 120 - 2 * i, 34)]
  if not 30 <= i < 35:
    people.append((0, 2 * i, 30))
  return people


def _video(path, count=60, people=_crossing):
  with video_writer(path, 30.0) as writer:
    for i in range(count):
      writer.add(made.frame(i, people(i)).image)
  return path


def _reconstruction(
  path, folder, body_model, watch=None, heights=None, **config
):
  watcher = watch or _shaped(
    Watcher(made.Detector(), made.Fitter(), made.INTRINSICS, search_every=5)
  )
  camera = PhotoCamera(made.INTRINSICS, "default")
  source = Source(path, 1, (160, 90), camera, "settings")
  made_ = VideoReconstruction(
    source,
    watcher,
    _Holder(),
    body_model,
    folder,
    MotionConfig(**config),
    chunk_frames=20,
    heights=heights,
  )
  return made_, Results(source, body_model)


def test_two_who_cross_are_two_with_one_shape_each(tmp_path, body_model):
  path = _video(tmp_path / "a.mp4")
  run, results = _reconstruction(path, tmp_path / "frames", body_model)
  tracks = run()
  assert [t.id for t in tracks] == [0, 1]
  for track in tracks:
    assert np.ptp(track.shape, axis=0).max() == 0.0
    np.testing.assert_array_equal(track.frames, np.arange(60))
  rights = [t.translation[-1, 0] > t.translation[0, 0] for t in tracks]
  assert sorted(rights) == [False, True]
  hidden = tracks[rights.index(True)]
  assert 3 <= (~hidden.observed).sum() <= 9
  across = hidden.translation[:, 0] / hidden.translation[:, 2]
  np.testing.assert_allclose(np.diff(across), 0.02, atol=0.012)
  results.save(run, tracks, tmp_path, "a", KINDS)
  _check_files(tmp_path, tracks)


def _check_files(folder, tracks):
  with np.load(folder / "a_person_00.npz") as arrays:
    assert arrays["joints"].shape == (60, 63, 3)
    np.testing.assert_allclose(
      arrays["joints"][:, 0], tracks[0].translation, atol=1e-4
    )
    np.testing.assert_allclose(
      arrays["keypoints_2d"][7],
      arrays["keypoints"][7, :, :2] / arrays["keypoints"][7, :, 2:] * 100.0
      + made.INTRINSICS.center,
      atol=1e-2,
    )
  lines = (folder / "a.jsonl").read_text().splitlines()
  assert [json.loads(x)["frame"] for x in lines] == list(range(60))
  people = json.loads(lines[32])["people"]
  assert sorted(p["observed"] for p in people) == [False, True]
  summary = json.loads((folder / "a_summary.json").read_text())
  assert [p["id"] for p in summary["people"]] == [0, 1]
  tree = pygltflib.GLTF2().load(str(folder / "a.glb"))
  names = [node.name for node in tree.nodes]
  assert {"person_0", "person_1", "camera"} <= set(names)
  times = tree.accessors[tree.animations[0].samplers[0].input]
  assert times.max[0] == pytest.approx(59 / 30.0, abs=1e-3)
  stage = Usd.Stage.Open(str(folder / "a.usdc"))
  assert stage.GetPrimAtPath("/people/person_1").IsValid()
  assert stage.GetEndTimeCode() == pytest.approx(59.0)  # 30 a second
  motion = read_bvh(folder / "a_person_01.bvh")
  assert len(motion.rotations) == 60
  for kind in ("overlay", "side"):
    capture = cv2.VideoCapture(str(folder / f"a_{kind}.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 60
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(30.0, abs=0.1)


@pytest.mark.parametrize("live", [False, True])
def test_statures_that_are_known(tmp_path, body_model, live):
  """Those with heights have them, in the order of numbers."""
  path = _video(tmp_path / "a.mp4", 20)
  given = {"a.mp4": [None, 1.9]}
  run, _ = _reconstruction(
    path, tmp_path / "b", body_model, heights=user_heights(given), live=live
  )
  first, second = run()
  for shape in second.shape[[0, -1]]:
    tall = measures.stature(body_model, shape[None].astype(np.float32))
    assert float(tall[0]) == pytest.approx(1.9, abs=1e-4)
  usual, _ = _reconstruction(path, tmp_path / "b", body_model, live=live)
  np.testing.assert_allclose(first.shape, usual()[0].shape)
  wrong, _ = _reconstruction(
    path, tmp_path / "b", body_model, heights=user_heights([1.8])
  )
  with pytest.raises(ValueError, match="1 heights in height_m for 2 people"):
    wrong()


def test_goes_on_after_a_kill_and_gives_the_same(tmp_path, body_model):
  path = _video(tmp_path / "a.mp4")
  whole, _ = _reconstruction(path, tmp_path / "whole", body_model)
  expected = whole()
  watcher = _shaped(
    Watcher(made.Detector(), made.Fitter(), made.INTRINSICS, search_every=5)
  )
  seen = []

  def killed(frames):
    if len(seen) == 2:
      raise KeyboardInterrupt
    seen.append(frames[0].number)
    return watcher(frames)

  first, _ = _reconstruction(path, tmp_path / "b", body_model, killed)
  with pytest.raises(KeyboardInterrupt):
    first()
  seen.clear()

  def goes_on(frames):
    seen.append(frames[0].number)
    return watcher(frames)

  second, _ = _reconstruction(path, tmp_path / "b", body_model, goes_on)
  found = second()
  assert seen == [40]
  for one, other in zip(found, expected, strict=True):
    np.testing.assert_array_equal(one.frames, other.frames)
    np.testing.assert_allclose(one.translation, other.translation, atol=1e-6)
    np.testing.assert_allclose(one.rotations, other.rotations, atol=1e-6)


def test_other_settings_begin_anew(tmp_path, body_model):
  path = _video(tmp_path / "a.mp4", 20)
  run, _ = _reconstruction(path, tmp_path / "b", body_model)
  run()
  again, _ = _reconstruction(
    path, tmp_path / "b", body_model, watch=lambda frames: 1 / 0
  )
  again()  # all is there
  camera = PhotoCamera(made.INTRINSICS, "default")
  source = Source(path, 1, (160, 90), camera, "others")
  other = VideoReconstruction(
    source,
    lambda frames: 1 / 0,
    _Holder(),
    body_model,
    tmp_path / "b",
    MotionConfig(),
  )
  with pytest.raises(ZeroDivisionError):
    other()


def test_memory_does_not_grow_with_the_video(tmp_path, body_model):
  """Of 3,000 frames never more than those of two chunks are held."""
  path = _video(tmp_path / "a.mp4", 3000, lambda i: [(0, i % 120, 30)])
  alive: list[weakref.ref] = []
  most = []

  def watch(frames):
    alive[:] = [ref for ref in alive if ref() is not None]
    alive.extend(weakref.ref(f.image) for f in frames)
    most.append(len(alive))
    numbers = np.array([f.number for f in frames], np.int32)
    return empty._replace(
      numbers=numbers,
      seconds=numbers / 30.0,
      colors=np.zeros((len(frames), 64), np.float32),
    )

  empty = Watcher(made.Detector(), made.Fitter(), made.INTRINSICS)(
    [made.frame(0, [])]
  )
  run, _ = _reconstruction(path, tmp_path / "b", body_model, watch)
  gc.collect()
  assert run() == []
  assert len(run.frames) == 3000
  assert max(most) <= 2 * 20


def test_short_tracks_and_cuts_are_told(tmp_path, body_model):
  def people(i):
    return [(0, 20, 30)] + ([(1, 110, 30)] if 20 <= i < 24 else [])

  path = tmp_path / "a.mp4"
  with video_writer(path, 30.0) as writer:
    for i in range(60):
      if i < 40:
        writer.add(made.frame(i, people(i)).image)
      else:
        writer.add(made.frame(i, [(2, 90, 50)], back=230).image)
  run, _ = _reconstruction(path, tmp_path / "b", body_model, min_track_s=0.3)
  tracks = run()
  assert run.dropped == 1
  assert run.cuts == [40]
  assert [t.frames[0] for t in tracks] == [0, 40]
  assert [t.frames[-1] for t in tracks] == [39, 59]


def test_live_looks_only_back(tmp_path, body_model):
  """What is known of a frame does not depend on later ones."""
  found = []
  for count in (40, 60):
    path = _video(tmp_path / f"{count}.mp4", count)
    run, _ = _reconstruction(path, tmp_path / str(count), body_model, live=True)
    found.append(run())
  for short, long in zip(*found, strict=True):
    np.testing.assert_allclose(
      short.translation[:25], long.translation[:25], atol=1e-6
    )
    np.testing.assert_allclose(short.shape[:25], long.shape[:25], atol=1e-6)


def test_chunks_come_back_or_are_done_again(tmp_path):
  watcher = Watcher(made.Detector(), made.Fitter(), made.INTRINSICS)
  chunk = watcher([made.frame(i, [(0, 10 + i, 20)]) for i in range(5)])
  write_chunk(tmp_path, 3, chunk)
  again = read_chunk(tmp_path, 3)
  np.testing.assert_array_equal(again.people.mask, chunk.people.mask)
  np.testing.assert_array_equal(again.seconds, chunk.seconds)
  assert read_chunk(tmp_path, 4) is None
  path = tmp_path / "000003.npz"
  path.write_bytes(path.read_bytes()[:-200])
  assert read_chunk(tmp_path, 3) is None


def test_progress_counts():
  progress = FramesPerSecond()
  progress.begin("seeing", 10)
  progress.frames(4, 5)
  progress.frames(6, 5)
  assert progress.passes["seeing"][:2] == (10, 10)
