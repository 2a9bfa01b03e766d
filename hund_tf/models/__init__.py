"""The networks.

`hund/` is the learned descent (Eq. 2), `multitask/` the network that makes F, K
and B of an image. `compilation` turns their functions into programs,
`untracked` holds what a model uses but does not own, and `weight_files` reads
and writes weights.
"""
