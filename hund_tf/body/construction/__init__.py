"""How the open body model is made from its CC0 sources.

`build` does all of it: `source` reads the assets, `topology` and `decimation`
make the meshes, `rig`, `skin` and `zero_pose` the skeleton, `shape_space` and
`shape_vae` the shapes, `expression_space` the faces, `keypoint_table` the
keypoints.
"""
