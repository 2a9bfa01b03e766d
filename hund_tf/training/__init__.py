"""Training: steps, loops, checkpoints."""
