"""Readers of motion capture and photo annotations."""
