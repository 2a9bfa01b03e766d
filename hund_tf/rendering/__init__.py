"""Soft part rendering (Eq. 5) and hard rasterisation for pictures."""
