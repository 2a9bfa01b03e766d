"""The SMPL(-X) bodies of men and women, of one file or of two."""

import os
from collections.abc import Sequence
from typing import NamedTuple

from hund_tf.body.adapters.smpl import SmplBody
from hund_tf.body.adapters.smpl_file import SmplError


class SmplModels(NamedTuple):
  """Bodies by gender; the same one twice where there is one for all."""

  male: SmplBody
  female: SmplBody


def load(files: Sequence[str | os.PathLike]) -> SmplModels:
  """Reads the models.

  Args:
    files: one for all people, or those of men and of women.

  Raises:
    SmplError: if there are others, one cannot be read, or they are not of the
      same kind and number of vertices.
  """
  if len(files) not in (1, 2):
    raise SmplError(
      f"SMPL files: {len(files)}, expected one, or those of men and of women"
    )
  bodies = [SmplBody.load(path) for path in files]
  kinds = [f"{b.kind} of {len(b.file.template)} vertices" for b in bodies]
  if len(set(kinds)) > 1:
    raise SmplError(
      f"SMPL files {files[0]} and {files[1]}: {' and '.join(kinds)}, expected "
      "the same kind"
    )
  return SmplModels(bodies[0], bodies[-1])
