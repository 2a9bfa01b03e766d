"""Our body fitted in 3D to joints, SMPL meshes and markers (Sec. 3).

`fit` minimises distances of points by `least_squares`, as `config` says;
`points` are the points of the body with their derivatives, `pose_jacobian`
those of the pose latents, `point_sets` the joints and markers of other
datasets, `correspondence` the matching points of other meshes. `records` fills
person records with the fits, `fitted_folder` a whole folder of them, and
`accuracy` measures the fits.
"""
