"""The program that makes synthetic images, as a process of its own.

Its flags share names with other programs', so they cannot be parsed here.
"""

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

from hund_tf.records import shards

_ROOT = Path(__file__).parents[2]


def _run(*flags):
  return subprocess.run(
    [sys.executable, "-m", "tools.make_synthetic", *flags],
    cwd=_ROOT,
    env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
    capture_output=True,
    text=True,
    check=False,
  )


def test_it_makes_images_and_a_contact_sheet(tmp_path):
  settings = ("--num_images=3", "--image_shards=2", "--image_size=48")
  result = _run(
    f"--output_dir={tmp_path}", "--image_split=validation", *settings
  )
  assert result.returncode == 0, result.stderr
  assert "(2/2)" in result.stdout
  assert "per core" in result.stdout
  manifest = shards.read_manifest(tmp_path)
  assert (manifest.name, manifest.count) == ("validation", 3)
  # Held-out captures are shown as they are.
  assert manifest.settings["scene"]["perturbed_poses"] == 0.0
  with Image.open(tmp_path / "contact_sheet.png") as sheet:
    assert sheet.size == (3 * (2 * 240 + 6), 2 * 20 + 240 + 26 + 6)


def test_a_process_computes_with_one_thread():
  """The libraries of numpy and scipy, too: they would wait in busy threads."""
  code = (
    "from threadpoolctl import threadpool_info\n"
    "import scipy.linalg\n"
    "from hund_tf.compat import tf\n"
    "from hund_tf.synthetic.images.dataset import use_one_thread\n"
    "use_one_thread()\n"
    "print(tf.config.threading.get_intra_op_parallelism_threads())\n"
    "print(*{p['num_threads'] for p in threadpool_info()\n"
    "        if p['user_api'] == 'blas'})\n"
  )
  result = subprocess.run(
    [sys.executable, "-c", code],
    cwd=_ROOT,
    env=os.environ | {"CUDA_VISIBLE_DEVICES": "", "OPENBLAS_NUM_THREADS": "2"},
    capture_output=True,
    text=True,
    check=True,
  )
  assert result.stdout.split() == ["1", "1"]


def test_a_wrong_glob_is_named(tmp_path):
  result = _run(f"--output_dir={tmp_path}", "--background_glob=/nowhere/*.jpg")
  assert result.returncode == 1
  assert "make_synthetic: backgrounds '/nowhere/*.jpg'" in result.stderr
