"""Readers of public datasets, and photos labelled by a detector, as records.

A reader yields `records.schema.PersonRecord`s (`source` says how) and
`registry` finds it by the name of the dataset: `human36m/`, `threedpw/`,
`coco`, `densepose`, `open_images`, hands and faces of `freihand`, `interhand`
and `part_photos` (with `hand_records`); `mpii` is read for evaluation alone.
`annotated_photos` and `region_fields` are
what the readers of photos share, `label_bounds` tells labels that cannot be
meant. `pseudo_labels` makes records of photos without annotations, and
`detected_records` adds what a detector says to records whose truth is known.
`conversion/` writes the records of any of them.
"""
