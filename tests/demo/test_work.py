"""What the page makes of a photo."""

import html
import json

import numpy as np
import pytest
import trimesh

import hund_tf
from hund_tf.demo import work
from tests.demo.people import Model


@pytest.fixture(scope="module", name="shown")
def _shown(body_model, tmp_path_factory):
  folder = tmp_path_factory.mktemp("demo")
  model = Model(body_model)
  shown = work.reconstruct(model, hund_tf.demo_photo(), folder, 600.0, 1.7)
  assert model.asked == [{"focal_px": 600.0, "height_m": 1.7, "max_people": 8}]
  return shown


def test_pictures_are_of_the_photo(shown):
  assert shown.overlay.shape == shown.people.image.shape
  first, *_, last = shown.stages
  assert len(shown.stages) == 4 and first.shape == last.shape
  assert (first != last).any(axis=-1).mean() > 0.01
  # This photo is small enough to be drawn in full size.
  off = np.abs(last.astype(int) - shown.overlay).max(axis=-1) > 24
  assert off.mean() < 0.02


def test_files_can_be_read(shown):
  report, scene = shown.files
  read = json.loads(report.read_text(encoding="utf-8"))
  assert read["photo"]["file"] == "astronaut.jpg"
  assert read["photo"]["path"] == "astronaut.jpg"
  assert len(read["people"]) == 2
  assert "person_1" in trimesh.load_scene(scene).geometry
  assert "person 1: 3.2 m away, quality 0.62" in shown.words


def test_the_scene_is_framed(shown):
  """The attribute ends where the page does, and scripts stay in the frame."""
  assert 'sandbox="allow-scripts allow-downloads"' in shown.scene
  inside = shown.scene.split('srcdoc="')[1]
  assert inside.count('"') == 1 and inside.endswith('"></iframe>')
  page = shown.files[0].parent / "people.html"
  page = page.read_text(encoding="utf-8")
  assert html.unescape(inside.split('"')[0]) == page


def test_results_do_not_share_a_folder(body_model, shown):
  folder = shown.files[0].parent.parent
  other = work.reconstruct(
    Model(body_model, nobody=True), hund_tf.demo_photo("cameraman"), folder
  )
  assert other.files[0].parent != shown.files[0].parent
  assert len(other.files) == 1 and not other.stages and not other.scene
  assert "Nobody" in other.words
  np.testing.assert_array_equal(other.overlay, other.people.image)
