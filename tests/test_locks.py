"""One writer a folder."""

import contextlib

import pytest

from hund_tf import locks
from hund_tf.datasets import pseudo_labels
from hund_tf.export import saved_model
from hund_tf.files import OutputError
from hund_tf.motion import pose_library
from hund_tf.synthetic.images import dataset
from hund_tf.training import run_folder
from tests.held_folder import held


def test_the_second_process_is_told_who_is_inside(tmp_path):
  folder = tmp_path / "out"
  with held(folder) as child:
    text = f"out: process {child.pid} on .* since .* writes to it; wait"
    for _ in range(2):  # looking leaves the lock as it is
      with pytest.raises(locks.LockedError, match=text):
        with locks.only_writer(folder):
          pass
    with locks.only_writer(folder, "another"):
      pass
  assert (folder / ".hund.lock").exists()  # of a dead process
  with locks.only_writer(folder):
    pass
  assert not list(folder.iterdir())


def test_a_process_may_enter_twice(tmp_path):
  with locks.only_writer(tmp_path):
    with locks.only_writer(tmp_path / "." / ""):
      pass
    with contextlib.suppress(KeyError), locks.only_writer(tmp_path):
      raise KeyError
    assert (tmp_path / ".hund.lock").exists()
  assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
  (tmp_path / "a").touch()
  with pytest.raises(OutputError, match="a: is a file"):
    with locks.only_writer(tmp_path / "a"):
      pass


def test_each_worker_of_a_run_has_a_folder(tmp_path):
  with held(tmp_path):
    with run_folder.only_writer(tmp_path, 1):
      pass
    with pytest.raises(locks.LockedError):
      with run_folder.only_writer(tmp_path):
        pass


def test_a_dataset_that_is_being_made_is_not_made_twice(tmp_path):
  config = dataset.DatasetConfig(name="train")
  (tmp_path / "shared.jpg").touch()
  source = pseudo_labels.PhotoPeople("photos", (str(tmp_path / "shared.jpg"),))
  folder = tmp_path / "out"
  with held(folder, "train"), pytest.raises(locks.LockedError):
    next(dataset.make_dataset(folder, pose_library.empty(), config))
  with held(folder, "photos"), pytest.raises(locks.LockedError):
    pseudo_labels.label_photos(source, folder)


def test_what_is_being_written_beside_others_is_not_written_twice(tmp_path):
  (tmp_path / "others").touch()
  with held(tmp_path, "model"), pytest.raises(locks.LockedError):
    saved_model.save_model(None, tmp_path / "model")
  assert not (tmp_path / "model").exists()
