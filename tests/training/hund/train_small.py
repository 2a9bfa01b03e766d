"""The program `tools.train_hund` with a model small enough for a test.

Run by `test_multi_worker.py`, in a process for each worker.
"""

from absl import app, flags

from flags import training_flags
from hund_tf.models.hund.config import HundConfig
from tools import train_hund

_SIZE = HundConfig(num_stages=1, units=16, context_size=8, filters=(4,) * 6)
_VALIDATE = flags.DEFINE_bool(
  "validate", False, "Judge the weights; takes a third of the time."
)


def main(argv: list[str]) -> int:
  training_flags.to_model_config = lambda: _SIZE
  if not _VALIDATE.value:
    train_hund.ValidationSet = lambda *_: None
  return train_hund.main(argv)


if __name__ == "__main__":
  app.run(main)
