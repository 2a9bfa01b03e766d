"""Which exports can be asked for."""

import pytest

from hund_tf.cli.export import ExportConfig


def test_files_for_other_runtimes_can_leave_the_mesh_out():
  with pytest.raises(ValueError, match="export_mesh: 'none' is for"):
    ExportConfig("out", export_mesh="none")
  for name in ("tflite", "onnx"):
    assert ExportConfig("out", name, "none").export_mesh == "none"


def test_formats_are_told():
  with pytest.raises(ValueError, match="saved_model.*tflite, onnx"):
    ExportConfig("out", "pickle")


def test_tflite_has_no_polish():
  with pytest.raises(ValueError, match="polish: the format tflite has none"):
    ExportConfig("out", "tflite", polish=True)
  assert ExportConfig("out", polish=True).polish
  for polish in (None, False):
    assert ExportConfig("out", "tflite", polish=polish).polish is polish
