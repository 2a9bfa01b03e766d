"""Overlays, meshes and figures."""
