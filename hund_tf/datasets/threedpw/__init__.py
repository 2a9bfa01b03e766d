"""3DPW: `reader` makes its person records.

`sequences` reads the sequence files without running code in them, `smpl_joints`
regresses joints from the user's own SMPL models, and `measurements` gives SMPL
parameters in the camera frame to fit our body to.
"""
