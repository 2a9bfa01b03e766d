"""Minimisers of the alignment objective: BFGS, L-BFGS, Adam, Gauss-Newton.

`minimize` descends and returns the same trace as the learned descent, of
`paths`; its settings are in `config`, and users' own `minimizers` fit into it.
Adam and `gauss_newton`, by `least_squares`, take all people `together`.
`initialization` places A-poses to start from, and `parameters` are the
coordinates that are optimised.
"""
