"""People in a photo: boxes, 137 keypoints and masks, and the maps K and B.

`interface` says what a detector returns; `detector` is the default one and
`openpose` reads another's files. The first runs `networks` that `graphs/` read
from other formats: `finding` says who is there, by boxes (`nanodet`) and joints
(`thunder`); `pose`, `face` and `hands` read landmarks and `fusion` joins those
of two networks, in rotated regions (`roi`) and by `anchors`; `mapping` names
them as our keypoints, `landmarks_3d` are theirs in space, and `masks` cuts
people out.
`features` turns a detection into the crop's K and B, and `network_features`
takes them from the multitask network; `feature_config` is the choice between
them. `graphs/` holds the builders of networks, and `pose_encoder_weights` gives
the multitask network the encoder of one.
"""
