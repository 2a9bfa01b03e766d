"""From a photo's bytes to the features of its people, in TensorFlow alone.

Each module is the counterpart of one or two of `detection`, on tensors, so that
a SavedModel can hold it. `decoding` (with `exif`) reads photos, `regions` crops
them, and `networks` read the crops. `proposals` and `search` find people, by
`pose` and `joints`, and `candidates` tells whom a box means. `detector` reads
everybody: hands and faces by `parts`, `keypoints` joins them, and `masks` cuts
people out; `people` does so for the photos of a batch. `features` are what the
descent reads.
"""
