"""Training of the multitask network on records with images.

`trainer` is the run, with the settings of `config`; `step` is its update;
`batches` makes its examples and `guides` what a detector says of them;
`publication` writes the weights with the history of their runs.
"""
