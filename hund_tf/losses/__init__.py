"""The alignment objective (Eq. 3-6) and the losses of training (Eq. 7, 8)."""
