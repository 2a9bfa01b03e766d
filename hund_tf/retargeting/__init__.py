"""Our body fitted in 3D to joints, SMPL meshes and markers (Sec. 3).

`fit` minimises distances of points by least squares, as `config` says;
`point_sets` are the joints and markers of other datasets on our body,
`correspondence` the matching points of other meshes. `to_smpl` poses SMPL as
our people. `records` fills person records with the fits, `fitted_folder` a
whole folder of them, and `accuracy` measures the fits.
"""
