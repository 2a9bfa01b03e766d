"""The page of a photo's people, in a browser without network."""

import base64
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from hund_tf import types
from hund_tf.export import page, rig, rigged
from hund_tf.export.report import build_report
from hund_tf.photos.cameras import PhotoCamera
from hund_tf.photos.people import SeenPhoto
from tests.export import browser, made_people

_NAME = "<!--<script><b>{{glb}}.jpg"  # as a stranger may call a photo
_CAMERA = types.Intrinsics(np.float32([400, 400]), np.float32([200, 150]))
_GREY = (40, 60, 50)  # of the photo


@pytest.fixture(scope="module", name="written")
def _written(body_model, tmp_path_factory):
  """The page, the report and the scene in it."""
  people = made_people.make(body_model)
  image = np.full([300, 400, 3], _GREY, np.uint8)
  photo = SeenPhoto(_NAME, None, image, PhotoCamera(_CAMERA, "default"), [])
  report = build_report(photo, "hund", people)
  glb = rigged.rigged_glb(
    rig.of_results(people, body_model, descent=True),
    body_model,
    rigged.View(_CAMERA, 400, 300, image),
  )
  path = tmp_path_factory.mktemp("page") / "a.html"
  page.write_page(path, report, glb)
  return SimpleNamespace(path=path, report=report, glb=glb)


def test_it_holds_the_results_and_names_nothing_outside(written):
  text = written.path.read_text()
  find = lambda name: re.search(rf'id="{name}">([^<]*)</script>', text)[1]
  assert json.loads(find("report")) == written.report
  assert base64.b64decode(find("glb")) == written.glb
  assert not re.search(r"<(link|img|iframe|script)[^>]*(src|href)=", text)
  assert "default-src 'none'" in text
  assert len(text) < 4.5e6


def test_nobody_is_refused(written, tmp_path):
  with pytest.raises(ValueError, match="a.html: there is nobody to show"):
    page.write_page(tmp_path / "a.html", {"people": []}, written.glb)
  assert not list(tmp_path.iterdir())


def _off(one: np.ndarray, two: np.ndarray) -> float:
  """The part of the pixels that differ."""
  difference = np.abs(one.astype(int) - two.astype(int)).max(axis=-1)
  return float((difference > 12).mean())


@pytest.mark.skipif(browser.find() is None, reason="needs Chromium")
def test_a_browser_shows_it_without_network(written, tmp_path):
  change = lambda name, value: (
    f"$('{name}').{value}; $('{name}').dispatchEvent(new Event('input')); "
    f"$('{name}').dispatchEvent(new Event('change'))"
  )
  with browser.Browser(tmp_path) as tab:
    tab.open(written.path)
    tab.wait("document.body && document.body.dataset.ready === 'yes'")
    assert tab.run("document.querySelector('#title').textContent") == _NAME
    assert tab.run("document.querySelectorAll('b').length") == 0
    whole = tab.picture("#scene")
    # The photo lies behind the people, who stand left and right.
    middle = whole[whole.shape[0] // 2]
    grey = np.abs(middle.astype(int) - _GREY).max(axis=-1) < 25
    assert grey[len(grey) // 2] and not grey.all()
    tab.run(change("person_0", "checked = false"))
    one = tab.picture("#scene")
    half = whole.shape[1] // 2
    assert _off(whole[:, :half], one[:, :half]) > 0.05
    assert _off(whole[:, half:], one[:, half:]) < 0.02
    tab.run(change("person_0", "checked = true"))
    assert _off(whole, tab.picture("#scene")) < 0.002
    # The descent begins elsewhere, and tells its loss.
    assert tab.run("$('state').textContent") == "s_3 of 3"
    tab.run(change("stage", "value = 0"))
    assert tab.run("$('state').textContent") == "s_0 of 3"
    assert "9.000" in tab.run("$('people').textContent")
    assert _off(whole, tab.picture("#scene")) > 0.05
    tab.run(change("stage", "value = 3"))
    assert _off(whole, tab.picture("#scene")) < 0.002
    tab.run("document.querySelector('[data-view=side]').click()")
    assert _off(whole, tab.picture("#scene")) > 0.05
    tab.run("document.querySelector('[data-view=camera]').click()")
    assert _off(whole, tab.picture("#scene")) < 0.002
    tab.run(change("stage", "value = 0"))
    tab.run("$('play').click()")
    tab.wait("!playing && stage() === 3")
    assert _off(whole, tab.picture("#scene")) < 0.002
    # The head of the person at the left says what is known of it.
    tab.run(
      "(() => { const f = $('view').getBoundingClientRect();"
      "const p = people[0].bones.find((b) => b.name.startsWith('head'))"
      ".getWorldPosition(new THREE.Vector3()).project(camera);"
      "$('view').dispatchEvent(new PointerEvent('pointermove', {"
      "clientX: f.x + (p.x + 1) / 2 * f.width,"
      "clientY: f.y + (1 - p.y) / 2 * f.height})); })()"
    )
    tip = tab.run("$('tip').hidden ? '' : $('tip').textContent")
    assert tip.startswith("person 0: head") and "error 31 mm" in tip
    assert "quality of the person 0.6" in tip
    # What is saved is what the page was made of.
    saved = tab.run(
      "fetch($('save_json').href).then((r) => r.json())"
      ".then((r) => r.people.length)"
    )
    assert saved == 2
    size = "fetch($('save_glb').href).then((r) => r.blob()).then((b) => b.size)"
    assert tab.run(size) == len(written.glb)
    asked = [
      event["params"]["request"]["url"]
      for event in tab.events
      if event["method"] == "Network.requestWillBeSent"
    ]
    assert all(re.match("file:.*/a.html$|blob:|data:", url) for url in asked)
    assert asked
    problems = [
      event["params"]["entry"]["text"]
      for event in tab.events
      if event["method"] == "Log.entryAdded"
      and event["params"]["entry"]["level"] == "error"
    ]
    assert not problems
