"""What only an extra installs is asked for in one clear line."""

import sys

import pytest

from hund_tf.extras import load_extra


def test_gives_the_module():
  assert load_extra("os.path", "train").join("a", "b") == "a/b"


def test_missing_package_names_the_extra(monkeypatch):
  monkeypatch.setitem(sys.modules, "pycocotools.mask", None)
  with pytest.raises(ImportError, match=r"pip install 'hund_tf\[datasets\]'"):
    load_extra("pycocotools.mask", "datasets")


def test_compiled_function_without_numba_fails_when_called(monkeypatch):
  from hund_tf.rendering.compiled import compiled

  monkeypatch.setitem(sys.modules, "numba", None)
  function = compiled(lambda x: x + 1)
  with pytest.raises(ImportError, match=r"numba .* 'hund_tf\[train\]'"):
    function(1)
