"""The one example format: a person in an image, and what is known of them.

`schema` defines `PersonRecord`; `shards` stores records with checksums and
random access; `regions` and `pictures` are about their images. `stream` gives
the records of a step, `mixing` the order in which datasets take turns,
`service` the same from other machines. `examples` makes training examples of
the descent of them, `multitask_examples` those of the network, with
`crop_jitter`, `crop_augmentation` and `part_maps`.
"""
