"""Meshes into pictures: soft part maps (Eq. 5), z-buffers, shading."""
