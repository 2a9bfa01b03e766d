"""The network that turns a crop into features F, keypoints K and parts B.

`network` is the model, made of the `layers` or on the `pose_encoder`; `config`
has its sizes; `weights` loads and saves it; `mirror_average` looks at the
mirrored crop too.
"""
