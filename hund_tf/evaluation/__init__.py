"""Metrics, the paper's protocols, and comparisons of methods.

`metrics` has the errors in 3D and `pck` that in 2D, over `compared_joints`.
`protocols` says who is evaluated, `predictions` and `photo_predictions` what is
predicted, `scoring` brings both together, `tables` and `reports` write it.
Protocols of their own are `photos_2d`, `synthetic_errors` and `h36m_submission`
(with `h36m_withheld`). `descent_comparison` sets methods side by side (Figs. 3,
4), `multitask_metrics` and `network_photos` judge the network, and
`quality_fitting` calibrates the quality.
"""
