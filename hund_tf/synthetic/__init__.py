"""Synthetic people whose truth is known.

`scenes` draws people before cameras; `examples` makes training examples of
them, with the errors of detectors in K (`detector_noise`) and in B
(`mask_noise`). `images/` draws photo-like pictures.
"""
