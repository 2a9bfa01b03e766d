"""Training runs: the loop, its folder, checkpoints and optimisers.

`hund/` trains the learned descent, `multitask/` the network that sees images,
`adaptation/` adapts the descent to somebody's photos without labels.
"""
