"""Rotations, the pinhole camera and crops (Eq. 1), similarity, placement."""
