"""The SavedModel of people, where this package cannot be imported."""

import numpy as np

import hund_tf
from hund_tf.cli import export
from tests.conformance.processes import run_script


def test_saved_model_of_people_in_a_fresh_process(tmp_path):
  photo = hund_tf.demo_photo()
  people = hund_tf.load(parts=())(photo)  # the model does not read parts
  np.savez(
    tmp_path / "expected.npz",
    boxes=[person.box for person in people],
    joints=[person.joints for person in people],
    height=people[0].height_m,
    keypoints_2d=[person.keypoints_2d for person in people],
  )
  folder = tmp_path / "model"
  config = export.ExportConfig(str(folder), "people", export_people=2)
  assert export.run(config) == 0
  run_script(
    "load_people_model.py",
    *(str(folder), str(photo), str(tmp_path / "expected.npz")),
    folder=tmp_path,
    sees_package=False,
  )
