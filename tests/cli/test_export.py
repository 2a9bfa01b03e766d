"""Which exports can be asked for."""

import pytest

from hund_tf.cli.export import ExportConfig


def test_only_files_can_leave_the_mesh_out():
  with pytest.raises(ValueError, match="export_mesh: 'none' is for"):
    ExportConfig("out", export_mesh="none")
  for name in ("tflite", "onnx"):
    assert ExportConfig("out", name, "none").export_mesh == "none"


def test_formats_are_told():
  with pytest.raises(ValueError, match="saved_model.*tflite.*onnx"):
    ExportConfig("out", "pickle")
