"""The page, in a browser."""

import http.client
import importlib.util
import re
import time

import numpy as np
import pytest

import hund_tf
from hund_tf.cli import demo as command
from hund_tf.demo import page
from tests.demo import filming
from tests.demo.people import Model
from tests.export import browser

_WITHOUT = "needs gradio" * (
  importlib.util.find_spec("gradio") is None
) or "needs Chromium" * (browser.find() is None)


def test_without_gradio_the_extra_is_named(monkeypatch, capsys):
  def missing(folder):
    raise ImportError("gradio is needed here; pip install 'hund_tf[demo]'")

  monkeypatch.setattr(page, "load_gradio", missing)
  assert command.run(command.DemoConfig()) == 1
  assert "demo: gradio is needed here" in capsys.readouterr().err


@pytest.fixture(name="served")
def _served(body_model, tmp_path, monkeypatch):
  """The page's address and the model behind it."""
  for name in ("ANALYTICS_ENABLED", "TEMP_DIR"):
    monkeypatch.setenv(f"GRADIO_{name}", "")
  gradio = page.load_gradio(tmp_path)
  model = Model(body_model)
  filmer = filming.filmer(body_model, most_s=2.0)
  blocks = page.build(gradio, model, filmer, tmp_path)
  yield page.serve(gradio, blocks, 0, max_upload_mb=1.0), model
  blocks.close(verbose=False)


def _give(tab: browser.Browser, selector: str, path) -> None:
  root = tab.call("DOM.getDocument")["root"]["nodeId"]
  node = tab.call("DOM.querySelector", nodeId=root, selector=selector)
  tab.call("DOM.setFileInputFiles", nodeId=node["nodeId"], files=[str(path)])


@pytest.mark.skipif(bool(_WITHOUT), reason=_WITHOUT)
def test_a_browser_gives_a_photo_and_sees_people(served, tmp_path):
  url, model = served
  picture = "document.querySelector('#picture img')"
  with browser.Browser(tmp_path) as tab:
    tab.call("Page.navigate", url=url)
    tab.wait("!!document.querySelector('#photo input[type=file]')")
    _give(tab, "#photo input[type=file]", hund_tf.demo_photo("cameraman"))
    tab.wait("!!document.querySelector('#photo img')")
    tab.run("document.querySelector('#go').click()")
    tab.wait("!!document.querySelector('#scene iframe')")
    assert model.asked == [
      {"focal_px": None, "height_m": None, "max_people": 8}
    ]
    tab.wait(f"!!{picture} && {picture}.naturalWidth === 512")
    assert "person 1" in tab.run("document.querySelector('#words').textContent")
    files = tab.run("document.querySelector('#files').textContent")
    assert ".json" in files and ".glb" in files
    # The first stage is another picture.
    last = tab.run(f"{picture}.src")
    tab.run(
      "(() => { const s = document.querySelector('#stage input[type=range]');"
      "s.value = 0; s.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )
    tab.wait(f"{picture}.src !== '{last}'")
    _correct(tab, model)
    # Both people are drawn in 3D, in their colours, before a grey photo.
    tab.run("document.querySelector('#scene iframe').scrollIntoView()")
    tab.run("new Promise((done) => requestAnimationFrame(done))")
    for _ in range(100):
      if _coloured(tab.picture("#scene iframe")):
        break
      time.sleep(0.1)
    else:
      raise AssertionError("nobody is seen in 3D")
    asked = [
      event["params"]["request"]["url"]
      for event in tab.events
      if event["method"] == "Network.requestWillBeSent"
    ]
    outside = [u for u in asked if not re.match(f"{url}|data:|blob:|about:", u)]
    assert asked and not outside


def _click(tab: browser.Browser, selector: str, x: int, y: int) -> None:
  """Clicks at a pixel of an image that is shown whole, in the middle."""
  left, top = tab.run(
    f"(() => {{ const i = document.querySelector('{selector}');"
    "const b = i.getBoundingClientRect(), w = i.naturalWidth,"
    "h = i.naturalHeight, r = Math.min(b.width / w, b.height / h, 1);"
    f"return [b.x + b.width / 2 + ({x} - w / 2) * r,"
    f"b.y + b.height / 2 + ({y} - h / 2) * r]; }})()"
  )
  for kind in ("mousePressed", "mouseReleased"):
    where = {"x": left, "y": top, "button": "left", "clickCount": 1}
    tab.call("Input.dispatchMouseEvent", type=kind, **where)


def _correct(tab: browser.Browser, model: Model) -> None:
  """Moves a keypoint of a person by two clicks, and goes on."""
  tab.run("document.querySelector('#correct button').click()")
  tab.wait("!!document.querySelector('#marked img')")
  tab.run("document.querySelector('#marked').scrollIntoView()")
  for x, y, told in ((256, 256, "is."), (200, 300, "to (")):
    tab.wait("document.querySelector('#marked img').naturalWidth === 512")
    _click(tab, "#marked img", x, y)
    text = "document.querySelector('#told').textContent"
    tab.wait(f"{text}.includes('{told}')")
  assert not tab.run("!!document.querySelector('#before img')")
  tab.run("document.querySelector('#again').click()")
  tab.wait("!!document.querySelector('#before img')")
  (asked,) = model.resumed
  ((x, y),) = asked["keypoints"].values()
  np.testing.assert_allclose([x, y], [200, 300], atol=3.0)
  tab.wait(
    "document.querySelector('#told').textContent.trim() ==="
    "'Click a keypoint to move it.'"
  )


def _coloured(screen: np.ndarray) -> bool:
  """Whether something blue and something orange is seen."""
  red, _, blue = np.moveaxis(screen.astype(int), -1, 0)
  return bool((blue - red > 70).sum() > 500 and (red - blue > 70).sum() > 500)


@pytest.mark.skipif(bool(_WITHOUT), reason=_WITHOUT)
def test_what_is_too_large_is_refused(served):
  host = served[0].removeprefix("http://").strip("/")
  assert host.startswith("127.0.0.1:")
  connection = http.client.HTTPConnection(host, timeout=20)
  body = b'--b\r\nContent-Disposition: form-data; name="files"; '
  body += b'filename="a.jpg"\r\n\r\n' + bytes(2_000_000) + b"\r\n--b--\r\n"
  kind = {"Content-Type": "multipart/form-data; boundary=b"}
  connection.request("POST", "/gradio_api/upload", body, kind)
  assert connection.getresponse().status == 413
  connection.close()


@pytest.mark.skipif(bool(_WITHOUT), reason=_WITHOUT)
def test_a_browser_gives_a_video_and_sees_people(served, tmp_path):
  url, _ = served
  film = "document.querySelector('#film video')"
  with browser.Browser(tmp_path) as tab:
    tab.call("Page.navigate", url=url)
    tab.wait("document.querySelectorAll('button[role=tab]').length === 2")
    tab.run("document.querySelectorAll('button[role=tab]')[1].click()")
    tab.wait("!!document.querySelector('#clip input[type=file]')")
    clip = filming.clip(tmp_path / "walk.mp4", 20)
    _give(tab, "#clip input[type=file]", clip)
    tab.wait("!!document.querySelector('#clip video')")
    tab.run("document.querySelector('#go_clip').click()")
    # The browser can show it: it knows its size and has its first frame.
    tab.wait(f"!!{film} && {film}.readyState >= 2")
    assert tab.run(f"{film}.videoWidth") == 160
    words = tab.run("document.querySelector('#film_words').textContent")
    assert "20 frames" in words and "person 0" in words
    files = tab.run("document.querySelector('#film_files').textContent")
    for kind in (".glb", ".npz", ".bvh", ".jsonl", ".mp4"):
      assert kind in files
