"""Synthetic people whose truth is known.

`scenes` draws people before cameras; `examples` makes training examples of
them, with the errors of detectors in K (`detector_noise`), in B (`mask_noise`)
and in 3D (`landmark_noise`, which `landmark_noise_fit` fits). `images/` draws
photo-like pictures.
"""
