"""Optimisers of the alignment objective: BFGS, L-BFGS, Adam."""
