"""From a photo's bytes to the features of its people, in TensorFlow alone.

Each module is the counterpart of one of `detection`, on tensors, so that a
SavedModel can hold it: `decoding` (with `exif`) reads photos, and `regions`
crops them.
"""
