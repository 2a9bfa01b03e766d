"""The generative body model (Sec. 2.1): a state becomes a mesh of a person.

`model` decodes a state (pose, hands, shape, expression, rotation, translation)
to vertices, joints and keypoints, and is what other rooms use, through the
`interface` that other body models can stand behind (`adapters/`). Below it lie
`shape` (decoder of the shape latents), `pose_prior` with its `flows` and
`joint_limits` (latents to joint angles), `kinematics` and `skeleton` (angles to
posed joints), `gaze` (which turns the eyes); `part_bodies` are a hand and a
face by themselves. `points` are points of the body with their derivatives by
the state, `pose_jacobian` has those of the pose prior. `keypoints` names the
137 keypoints, `landmarks_3d` gives them as who looks at a person sees them,
`parts` names the 14 parts, `joint_sets` the joints of other datasets, and
`joint_regressors` says where they lie in ours; `measures` has stature and
girths. `asset` reads the shipped files, which `construction/` makes from CC0
sources; `poses` are a few poses and `expressions` faces by name.
"""
