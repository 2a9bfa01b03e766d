"""Whether a JPEG or PNG in memory is whole."""

from hund_tf.decoding import damage, jpeg, opencv
from hund_tf.decoding.damage import Damaged

JPEG, PNG = "JPEG", "PNG"
_STARTS = {JPEG: b"\xff\xd8\xff", PNG: b"\x89PNG\r\n\x1a\n"}


def check(data: bytes) -> str:
  """Looks for missing pixels, and for signs that some may be wrong.

  Of a JPEG all coefficients are decoded, but hardly a pixel computed. Of a PNG
  the checksums are compared: whether its pixels fit its header, a decoder says.

  Returns:
    Its kind.

  Raises:
    Damaged: if it is of another kind, or looks damaged.
  """
  kind = next((k for k, start in _STARTS.items() if data.startswith(start)), "")
  if not kind:
    raise Damaged("it is no JPEG or PNG")
  if kind == PNG:
    damage.check_png(data)
    return kind
  markers, doubt = jpeg.check(data)
  doubt = opencv.judged(opencv.skim(data)) or doubt
  end = opencv.surplus_from(markers)
  doubt = doubt or (opencv.surplus(data[:end]) if end else "")
  if doubt:
    raise Damaged(doubt)
  return kind
