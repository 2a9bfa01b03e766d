"""Metrics, the paper's protocols, and comparisons of methods."""
