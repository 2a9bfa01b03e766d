"""Training of the multitask network on records with images.

`trainer` is the run, with the settings of `config`; `step` is its update and
`batches` makes its examples; `publication` writes the weights with the history
of their runs.
"""
