"""Builds the open body model's asset from CC0 MakeHuman data."""
