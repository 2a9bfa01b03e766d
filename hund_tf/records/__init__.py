"""The one example format: a person in an image, and what is known of them.

`schema` defines `PersonRecord`; `shards` stores records with checksums and
random access, and `integrity` looks whether their files fit together;
`contents` and `pictures` look whether a record can be used. `regions` is about
the images, and `seen_parts` are the hands and faces that a detector looked at.
`stream` gives the records of a step, `mixing` the order in which datasets take
turns, `service` the same from other machines. `examples` makes training
examples of the descent of them, `multitask_examples` those of the network, with
`crop_jitter`, `crop_augmentation` and `part_maps`.
"""
