"""Licensed body models (SMPL, SMPL+H, SMPL-X, GHUM) behind our interface."""
