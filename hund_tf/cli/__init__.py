"""The command `hund`, and the bodies of the programs that it shares.

`main` is the command; `arguments` makes its arguments of dataclasses whose
fields are options (`hund_tf.options`). `reconstruct`, `video`, `export`,
`batch`, `serve` and `demo` are one subcommand each: a dataclass of its
settings, and a function that runs it; `reconstruction` does the photos of the
first, `live` the camera that `video` may have. The programs of the repository's
`tools/` run the same functions with flags in place of arguments.
"""
