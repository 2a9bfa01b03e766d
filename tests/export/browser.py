"""A headless Chromium, driven through its DevTools protocol by a pipe."""

import base64
import io
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Chromium talks through the file descriptors 3 and 4.
_LAUNCHER = (
  "import fcntl, os, sys; "
  "a, b = (fcntl.fcntl(int(x), fcntl.F_DUPFD, 100) for x in sys.argv[1:3]); "
  "os.dup2(a, 3); os.dup2(b, 4); "
  "os.execv(sys.argv[3], sys.argv[3:])"
)
_OPTIONS = (
  "--headless=new",
  "--no-sandbox",
  "--no-first-run",
  "--disable-extensions",
  "--disable-background-networking",
  "--enable-unsafe-swiftshader",
  "--use-gl=angle",
  "--use-angle=swiftshader",
  "--window-size=1000,800",
  "--remote-debugging-pipe",
)


def find() -> str | None:
  """The path of an installed Chromium."""
  return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
  """One page in a browser; a context, which ends the browser."""

  def __init__(self, folder: Path, seconds: float = 120.0):
    """Starts it, with its profile in a folder."""
    self._deadline = time.monotonic() + seconds
    ours, theirs = os.pipe(), os.pipe()
    self._write, self._read = ours[1], theirs[0]
    self._process = subprocess.Popen(
      [
        *(sys.executable, "-c", _LAUNCHER, str(ours[0]), str(theirs[1])),
        *(str(find()), *_OPTIONS, f"--user-data-dir={folder / 'profile'}"),
      ],
      pass_fds=(ours[0], theirs[1]),
      stdout=subprocess.DEVNULL,
      stderr=subprocess.DEVNULL,
    )
    os.close(ours[0])
    os.close(theirs[1])
    self._buffer, self._count = b"", 0
    self.events: list[dict] = []
    page = self.call("Target.createTarget", url="about:blank")["targetId"]
    self._session = None
    self._session = self.call(
      "Target.attachToTarget", targetId=page, flatten=True
    )["sessionId"]
    for domain in ("Page", "Runtime", "Network", "Log"):
      self.call(f"{domain}.enable")

  def __enter__(self) -> "Browser":
    return self

  def __exit__(self, *_) -> None:
    self._process.terminate()
    try:
      self._process.wait(20)
    except subprocess.TimeoutExpired:
      self._process.kill()
      self._process.wait()
    os.close(self._write)
    os.close(self._read)

  def call(self, method: str, **params):
    """Calls a method of the protocol; returns its result."""
    self._count += 1
    message = {"id": self._count, "method": method, "params": params}
    if getattr(self, "_session", None):
      message["sessionId"] = self._session
    os.write(self._write, json.dumps(message).encode() + b"\0")
    while True:
      answer = self._next()
      if answer.get("id") == self._count:
        assert "error" not in answer, answer["error"]
        return answer["result"]
      self.events.append(answer)

  def _next(self) -> dict:
    while b"\0" not in self._buffer:
      left = self._deadline - time.monotonic()
      ready, _, _ = select.select([self._read], [], [], max(left, 0.0))
      assert ready, "the browser does not answer"
      data = os.read(self._read, 1 << 20)
      assert data, "the browser has ended"
      self._buffer += data
    line, _, self._buffer = self._buffer.partition(b"\0")
    return json.loads(line)

  def open(self, path: Path) -> None:
    """Opens a file."""
    self.call("Page.navigate", url=path.as_uri())

  def run(self, script: str):
    """The value of an expression of JavaScript."""
    result = self.call(
      "Runtime.evaluate",
      expression=script,
      awaitPromise=True,
      returnByValue=True,
    )
    assert "exceptionDetails" not in result, result["exceptionDetails"]
    return result["result"].get("value")

  def wait(self, condition: str) -> None:
    """Waits until an expression of JavaScript is true."""
    while not self.run(condition):
      assert time.monotonic() < self._deadline, condition
      time.sleep(0.05)

  def picture(self, selector: str) -> np.ndarray:
    """What an element looks like: `[H, W, 3]` uint8 RGB."""
    box = self.run(
      "(({x, y, width, height}) => ({x: x + scrollX, y: y + scrollY,"
      "width, height}))"
      f"(document.querySelector('{selector}').getBoundingClientRect())"
    )
    shot = self.call("Page.captureScreenshot", clip={**box, "scale": 1})
    data = io.BytesIO(base64.b64decode(shot["data"]))
    return np.asarray(Image.open(data).convert("RGB"))
