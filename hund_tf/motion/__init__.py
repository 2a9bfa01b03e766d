"""Motion capture and the poses that are taken from it.

`bvh` and `asf_amc` read files, `bvh` writes them; `mocap` turns their clips
into poses of our body; `hand_gestures` makes hand poses, which no clip has;
`pose_augmentation` mirrors and recombines. `pose_dataset` gathers what the pose
priors are trained on, and `pose_library` the captured poses that
synthetic people take.
"""
