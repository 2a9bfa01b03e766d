"""Synthetic people whose truth is known.

`scenes` draws people before cameras; `examples` makes training examples of
them, as `example_config` says, with the errors of detectors in K
(`detector_noise`, and `keypoint_noise` as measured, which `keypoint_noise_fit`
fits), in B (`mask_noise`) and in 3D (`landmark_noise`, which
`landmark_noise_fit` fits). People of named sets come of `pose_sets`: poses of
`pose_tables`, turned by `orientations`, bodies of `builds`, behind or on the
`solids` that `supports` places; `close_ups` have raised hands and vivid faces.
In those hands and faces are read with the errors of `part_noise`, which
`part_noise_fit` fits; `part_examples` are those for their networks. `clips` are
of people who walk. `images/` draws photo-like pictures.
"""
