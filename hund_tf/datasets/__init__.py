"""Public datasets, and photos that a detector labels, as person records.

`source` says what a reader is; `coco`, `densepose`, `open_images`, `human36m`
and `threedpw` are the readers, `pseudo_labels` that of photos without labels,
and `registry` finds one by its dataset's name. `conversion` runs a reader over
a whole dataset and writes `hund_tf.records`; every record passes the bounds of
`label_bounds` there.
"""
