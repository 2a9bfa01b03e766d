"""Training of the multitask network on records with images."""
