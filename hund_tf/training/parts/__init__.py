"""Training of the descents of hands and faces on synthetic close-ups.

`trainer` is the run, `step` its update, `validation` judges the weights on
held-out close-ups, and `publication` writes them with what they reach.
"""
