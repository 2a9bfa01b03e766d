"""Self-supervised adaptation of the descent to unlabelled photos and video."""
