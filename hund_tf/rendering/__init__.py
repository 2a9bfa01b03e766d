"""Meshes into pictures.

For the loss: `soft` draws part maps that have a gradient (Eq. 5), by `faces`
and `face_windows`; `tfg` is tensorflow_graphics' renderer of the same maps,
`tfg_op` its compiled operation, `config` has the settings, and `part_renderer`
makes the one that is asked for. For pictures and labels: `rasterize` finds the
visible faces, `shading` colours them over a photo. For many synthetic people a
second, compiled by numba (`compiled`): `zbuffer`, `part_maps`, and deferred
shading by `deferred`, `surfaces`, `patterns` and `shadows`. `mesh` checks what
all of them take.
"""
