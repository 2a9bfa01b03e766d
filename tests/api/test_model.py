"""`hund_tf.load()`, with the project's own weights and detector."""

import dataclasses

import numpy as np
import pytest
import trimesh

import hund_tf
from hund_tf.geometry import camera
from hund_tf.photos.loading import load_photo
from tests.eager import run_eagerly


@pytest.fixture(scope="module")
def model():
  return hund_tf.load()


@pytest.fixture(scope="module")
def people(model):
  return model(hund_tf.demo_photo())


def test_results_have_their_shapes(people):
  assert len(people) == 1 and isinstance(people, hund_tf.People)
  (person,) = people
  assert isinstance(person, hund_tf.Person)
  shapes = {
    "vertices": (12308, 3),
    "joints": (63, 3),
    "rotations": (63, 3, 3),
    "keypoints": (137, 3),
    "keypoints_2d": (137, 2),
    "detected_keypoints": (137, 3),
    "box": (4,),
  }
  for name, shape in shapes.items():
    assert getattr(person, name).shape == shape, name
  assert person.faces.max() == 12307
  assert len(person.joint_names) == len(person.joint_parents) == 63
  assert len(person.keypoint_names) == 137
  assert person.state.body_pose.shape == (69,)
  assert person.trace.terms.total.shape == (8,)  # polished, then with parts
  assert [part.name for part in person.parts if part.used] == ["face"]
  assert person.uncertainty.shape == (63,) and person.uncertainty.max() < 500.0
  assert 0.0 < person.score <= 1.0 and 0.0 <= person.quality <= 1.0


def test_results_belong_together(people):
  (person,) = people
  projected = camera.project(person.keypoints, people.camera.intrinsics)
  np.testing.assert_allclose(person.keypoints_2d, projected, atol=1e-3)
  # The nose is where the detector saw it.
  nose = person.keypoint_names.index("nose")
  off = person.keypoints_2d[nose] - person.detected_keypoints[nose, :2]
  assert np.linalg.norm(off) < 25.0
  assert person.joint_names[0] == "pelvis" and person.joint_parents[0] == -1


def test_repr_tells_what_is_there(people, model):
  text = repr(people)
  assert "1 in" in text and "astronaut.jpg" in text and "512 x 512" in text
  assert "0: Person(box=[" in text and "vertices [12308, 3]" in text
  assert repr(model) == "PeopleModel(method='hund')"


def test_slices_are_people(people):
  assert isinstance(people[:1], hund_tf.People) and len(people[:1]) == 1
  assert len(people[1:]) == 0


def test_array_and_list_give_the_same_as_the_path(model, people):
  image = load_photo(hund_tf.demo_photo())
  both = model([image, hund_tf.demo_photo()], max_people=1)
  assert isinstance(both, list) and len(both) == 2
  assert both[0].path is None and "an array" in repr(both[0])
  assert both[1].path == hund_tf.demo_photo()
  for found in both:
    np.testing.assert_allclose(found[0].vertices, people[0].vertices, atol=1e-5)


def test_folder_is_an_iterator_that_leaves_out_what_is_broken(model, tmp_path):
  photo = hund_tf.demo_photo().read_bytes()
  (tmp_path / "a.jpg").write_bytes(photo[:1000])
  (tmp_path / "b.jpg").write_bytes(photo)
  for images in (tmp_path, str(tmp_path / "*.jpg")):
    found = model(images)
    with pytest.warns(UserWarning, match="left out: .*a.jpg"):
      one = next(found)
    assert one.path.name == "b.jpg" and len(one) == 1
    with pytest.raises(StopIteration):
      next(found)


def test_camera_and_boxes(model):
  photo = hund_tf.demo_photo()
  box = [100.0, 0.0, 300.0, 500.0]
  near = model(photo, boxes=[box], focal_px=512.0)
  far = model(photo, boxes={"astronaut.jpg": [box]}, fov_degrees=20.0)
  assert near.camera.source == "focal_px" and far.camera.source == "fov_degrees"
  np.testing.assert_allclose(near[0].box, box)
  np.testing.assert_allclose(far[0].box, box)
  # A longer lens puts the same person farther away.
  assert far[0].joints[0, 2] > 1.5 * near[0].joints[0, 2]
  stated = model(photo, boxes=[box], intrinsics=[512, 512, 256, 256])
  np.testing.assert_allclose(stated[0].vertices, near[0].vertices, atol=1e-5)


@pytest.mark.parametrize(
  ("options", "match"),
  [
    ({"focal_px": 500, "fov_degrees": 60}, "given together"),
    ({"focal_px": -1.0}, "focal_px: -1.0 is impossible"),
    ({"boxes": [[1, 2, 3]]}, "box 0 .* is not four finite numbers"),
    ({"boxes": [[600, 0, 10, 10]]}, "outside the photo"),
    ({"max_people": 0}, "max_people: got 0"),
  ],
)
def test_bad_options_are_told(model, options, match):
  with pytest.raises(ValueError, match=match):
    model(hund_tf.demo_photo(), **options)


def test_bad_images_are_told(model, tmp_path):
  with pytest.raises(ValueError, match="dtype is float32, expected uint8"):
    model(np.zeros([64, 64, 3], np.float32))
  with pytest.raises(ValueError, match="does not exist"):
    model("no_such_photo.jpg")
  with pytest.raises(ValueError, match="holds no photo"):
    model(tmp_path)


def test_nobody_is_no_failure(model):
  people = model(np.zeros([64, 64, 3], np.uint8))
  assert len(people) == 0 and "0 in an array" in repr(people)
  np.testing.assert_array_equal(people.overlay(), people.image)


def test_files_and_pictures(people, tmp_path):
  (person,) = people
  for owner, name in ((people, "all"), (person, "one")):
    owner.save_glb(tmp_path / f"{name}.glb")
    owner.save_obj(tmp_path / f"{name}.obj")
    mesh = trimesh.load(tmp_path / f"{name}.obj", force="mesh", process=False)
    exported = person.vertices * [1, -1, -1]  # y up
    np.testing.assert_allclose(mesh.bounds[0], exported.min(0), atol=1e-4)
    assert trimesh.load(tmp_path / f"{name}.glb").geometry.keys() == {
      "person_0"
    }
    picture = owner.overlay()
    assert picture.shape == people.image.shape and picture.dtype == np.uint8
    assert (picture != people.image).any(-1).mean() > 0.2
    assert owner.stages().shape[0] == 240
    # A face, and hands or words in their place.
    assert owner.close_ups().shape[0] in (300, 510, 720)
  grey = np.full_like(people.image, 128)
  assert (person.overlay(grey)[:20, :20] == 128).all()
  with pytest.raises(ValueError, match="expected that of the photo"):
    person.overlay(grey[:100])


@pytest.mark.parametrize(
  ("options", "match"),
  [
    (
      {"method": "newton"},
      "expected one of hund, bfgs, lbfgs, adam, gauss_newton",
    ),
    ({"method": "bfgs", "refine_steps": 5}, "learned descent only"),
    ({"weights": "missing.npz"}, "missing.npz"),
  ],
)
def test_bad_models_are_told(options, match):
  with pytest.raises(ValueError, match=match):
    hund_tf.load(**options)


def test_people_are_steered(model, people):
  (person,) = people
  row = person.keypoint_names.index("l_elbow")
  place = person.keypoints_2d[row] + [20.0, -10.0]
  steered = model.resume(person, keypoints={"l_elbow": place})
  assert np.linalg.norm(steered.keypoints_2d[row] - place) < 1.0
  np.testing.assert_allclose(steered.detected_keypoints[row, :2], place)
  for name in ("left_hand", "right_hand", "expression"):
    before = getattr(person.state, name)
    np.testing.assert_allclose(getattr(steered.state, name), before, atol=1e-5)
  assert len(steered.trace.terms.total) > len(person.trace.terms.total)
  # The camera and the stature change; the elbow stays where it was said to be.
  far = model.resume(steered, focal_px=1024.0, height_m=1.9)
  assert far.photo.camera.source == "focal_px" and far.height_given
  assert far.height_m == pytest.approx(1.9, abs=0.01)
  assert far.joints[0, 2] > 1.7 * steered.joints[0, 2]
  assert np.linalg.norm(far.keypoints_2d[row] - place) < 4.0
  assert people.replaced({0: far}).camera.source == "focal_px"
  both = dataclasses.replace(people, _people=(person, person))
  with pytest.raises(ValueError, match="person 1 is seen by another camera"):
    both.replaced({0: far})
  back = model.resume(far, keypoints={"l_elbow": None}, focal_px=512.0)
  np.testing.assert_allclose(
    back.detected_keypoints, person.detected_keypoints, atol=1e-4
  )
  with pytest.raises(ValueError, match="resume: .* 'l_elbo'; did you mean"):
    model.resume(person, keypoints={"l_elbo": place})


def test_two_people_are_related(model, people, tmp_path):
  """The same person twice in a photo."""
  (person,) = people
  tall = person.fit._replace(height_m=1.8, height_given=True)
  tall = dataclasses.replace(person, fit=tall)
  both = dataclasses.replace(people, _people=(tall, person))
  touch = hund_tf.Touch("l_elbow", "nose")
  term = hund_tf.PairTerm("touch", touch, 1e4, pairs=[(1, 0)])
  with run_eagerly():
    related = model.relate(both, [term])
  assert isinstance(related, hund_tf.People) and len(related) == 2
  rows = [person.keypoint_names.index(name) for name in ("l_elbow", "nose")]
  gaps = [
    np.linalg.norm(found[1].keypoints[rows[0]] - found[0].keypoints[rows[1]])
    for found in (both, related)
  ]
  assert gaps[1] < 0.5 * gaps[0]
  for before, after in zip(both, related, strict=True):
    assert len(after.trace.terms.total) > len(before.trace.terms.total)
    assert after.quality == before.quality
    np.testing.assert_allclose(
      after.state.expression, before.state.expression, atol=1e-5
    )
  assert related[0].height_m == pytest.approx(1.8, abs=1e-3)
  related.save_glb(tmp_path / "both.glb")
  assert len(trimesh.load(tmp_path / "both.glb").geometry) == 2
  unrelated = hund_tf.PairTerm("none", touch, pairs=())
  alone = model.relate([person, person], [unrelated])
  assert alone[0] is person and alone[1] is person


def test_people_who_cannot_be_related_are_told(model, people):
  (person,) = people
  term = hund_tf.PairTerm("touch", hund_tf.Touch("nose", "nose"))
  wrong = hund_tf.PairTerm("touch", term.function, pairs=[(0, 2)])
  other = dataclasses.replace(person.photo, image=person.photo.image[:100])
  elsewhere = dataclasses.replace(person, photo=other)
  for who, terms, match in (
    (people, [term], "relate: got 1, expected at least two people"),
    (person, [term], "relate: got one person, expected at least two"),
    ([person, person], term, "relate: got one term, expected a list"),
    ([person, elsewhere], [term], "person 1 is of another photo"),
    ([person, person], [wrong], r"'touch': pair \(0, 2\) is not"),
    ([person, person], [hund_tf.Term("t", len)], "relates nobody"),
  ):
    with pytest.raises(ValueError, match=match):
      model.relate(who, terms)
