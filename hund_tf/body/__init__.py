"""The generative body model: shape, pose priors, skinning, keypoints."""
