"""Convolutional networks of other projects as TensorFlow functions.

`tflite` and `tfjs` read the files that those projects publish, `graph` holds
what was read (and its compact file), `operations` computes each kind of node,
and `module` runs the whole.
"""
