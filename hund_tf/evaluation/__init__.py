"""Metrics, the paper's protocols, and comparisons of methods.

`metrics` has the errors in 3D and `pck` that in 2D, over `compared_joints`.
`protocols` says who is evaluated, `predictions` and `photo_predictions` what is
predicted, `scoring` brings both together, `tables` and `reports` write it.
Protocols of their own are `photos_2d` and `silhouettes`, `synthetic_errors`,
`shape_errors`, `pose_set_errors` and `h36m_submission` (with `h36m_withheld`),
`real3d` (with `joint_definitions` and `joint_floor`, which tell the joints of
datasets from ours), and those of what stands before the descent:
`detection_scores` (of `detection_truth`), `landmark_scores`, `landmarks_3d`,
`front_end_errors` and `part_scores`, with `keypoint_reliability`, the people of
`annotated_people` and the standard errors of `figures`; `photo_protocols` runs
them as `config` says. `close_up_scores` judges what `close_up_looks`
makes of hands and faces, the `close_ups` of photos, by `part_metrics`;
`part_gate_trials` counts wrong hands that bodies accept, and `fused_parts` sets
bodies with and without parts side by side.
`descent_comparison` sets methods side by side (Figs. 3, 4) and
`descent_report` tells what came of it, `multitask_metrics` and `network_photos`
judge the network, `quality_fitting` calibrates the quality and `polish_fitting`
the polish, `steering_trials` says how far corrections help, `term_trials` and
`pair_trials` (of two people) how far terms, `model_agreement` how far exported
models are from this package, and `detection_speed` times the detector.
"""
