"""People in a photo: boxes, 137 keypoints and masks, and the maps K and B.

`interface` says what a detector returns; `detector` is the default one and
`openpose` reads another's files. The first runs `networks` that `graphs/` read
from other formats: `search` says who is there, by boxes (`nanodet`) and joints
(`thunder`), and `finding` whom a box means; `pose`, `face` and `hands` read
landmarks (`lone_hands` those of hands without a person) and `fusion` joins
those of two networks, in rotated regions (`roi`, which `resampling` cuts out)
and by `anchors`; `confidence` says how likely they are to be right, `mapping`
names them as our keypoints, `landmarks_3d` are theirs in space, and `masks`
cuts people out. `grouping` lets the people of several photos go together.
`features` turns a detection into the crop's K and B, and `network_features`
takes them from the multitask network; `feature_config` is the choice between
them. `graphs/` holds the builders of networks, and `pose_encoder_weights` gives
the multitask network the encoder of one.
"""
