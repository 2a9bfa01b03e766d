"""Licensed body models (SMPL, SMPL+H, SMPL-X, GHUM) behind our interface.

`smpl` is the body; `smpl_file` reads its files by `restricted_pickle`, which
runs nothing of them: `pickle_tree` tells what they say, `pickle_arrays` makes
the arrays. `smpl_models`, `smpl_rotations` and `smpl_tables` hold what differs
between the family and ours. `ghum` is for holders of that model,
and `joint_regressor` reads files of joint regressors.
"""
