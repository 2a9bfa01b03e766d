"""People in a photo: boxes, 137 keypoints and masks, and the maps K and B.

`interface` says what a detector returns; `mediapipe_detector` is the default
one and `openpose` reads another's files. The first drives MediaPipe's
`networks` itself: `people` finds everybody (with `anchors` and rotated regions,
`roi`), `pose`, `face` and `hands` read landmarks, `mapping` names them as our
keypoints, `masks` cuts people out. `graphs/` reads networks of other formats.
`nanodet` finds people's boxes and `thunder` reads 17 keypoints of one person;
no detector uses them yet. `features` turns a detection into the crop's K and B,
and `network_features` takes them from the multitask network; `feature_config`
is the choice between them.
"""
