"""Rotations, cameras and placement: pure functions on tensors.

`rotation` converts 6D rotations, matrices and axis-angles; `camera` is the
pinhole, the crop's matrix, its intrinsics (Eq. 1) and its viewing frame;
`similarity` finds the best similarity between point sets; `placement` goes
between where a body is in the camera frame and where it is seen in a crop.
"""
