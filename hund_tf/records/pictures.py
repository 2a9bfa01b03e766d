"""Whether the pictures in a record can be decoded."""

from hund_tf.compat import tf
from hund_tf.json_text import shown_key
from hund_tf.records import schema
from hund_tf.records.schema import PersonRecord


def check(serialized: bytes) -> None:
  """Decodes the photo and the part labels of a record.

  Args:
    serialized: see `schema.encode`.

  Raises:
    ValueError: if there is no photo, or one of the two cannot be decoded.
  """
  check_record(schema.decode(serialized))


def check_record(record: PersonRecord) -> None:
  """The same for a decoded record."""
  if not record.image:
    raise ValueError(f"{shown_key(record.key)}: holds no photo")
  for name, data in (
    ("image", record.image),
    ("part_labels", record.part_labels),
  ):
    if not data:
      continue
    try:
      with tf.device("CPU:0"):
        tf.io.decode_image(data, expand_animations=False)
    except tf.errors.InvalidArgumentError as error:
      raise ValueError(
        f"{shown_key(record.key)}: its {name} cannot be decoded, "
        f"expected a JPEG or PNG ({str(error).splitlines()[0][:120]})"
      ) from error
