"""Minimisers of the alignment objective by its gradient: BFGS, L-BFGS, Adam.

`minimize` descends and returns the same trace as the learned descent; its
settings are in `config`, and users' own `minimizers` fit into it.
`initialization` places A-poses to start from, and `parameters` are the
coordinates that are optimised.
"""
