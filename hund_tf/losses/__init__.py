"""Alignment losses (Eq. 3-6)."""
