"""Photo-like pictures of synthetic people with exact labels.

`people` poses bodies; `appearance`, `garments`, `skirts` and `colors` dress
them, as fields over the body at rest (`body_surface`); `placement`, `props` and
`backgrounds` make the scene; `composer` draws it, `camera_effects` develops it,
`labels` takes keypoints and parts. `dataset` writes all as records, and
`clip_frames` draws clips.
"""
