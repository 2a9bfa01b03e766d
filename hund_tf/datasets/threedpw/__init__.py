"""3DPW: its sequence files, the reader, and SMPL's joints and parameters."""
