"""Synthetic people: scenes, examples with the errors of detectors, images."""
