"""Minimisers of the alignment objective by its gradient: BFGS, L-BFGS, Adam."""
