"""The generative body model (Sec. 2.1): shape, pose priors, skin, keypoints.

`model.BodyModel` turns states into meshes; `adapters/` puts licensed models
behind the same interface; `construction/` makes the open model from its
sources.
"""
