"""Our body fitted in 3D to joints, SMPL meshes and markers of records."""
