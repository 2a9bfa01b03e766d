"""The learned descent (Eq. 2).

`descent_model` unrolls the stages s_0 ... s_M, and `descent_cell` is one stage,
a recurrent update from the value of the objective; `model` and `cell` are those
of whole bodies. `context_embedding` makes s^c of K, B and F, with
`part_moments` to tell where the parts of B lie; `evidence_3d` compares bodies
with 3D landmarks; `state_space` has the coordinates that the network works in;
`term_branch` is what a stage does about terms of a user's own.
`polish` fits the last state to what is seen, by the residuals of `polish_rows`
(masks by their `outline`), in `polish_steps`, held by the `polish_anchor` of
the weights; `polish_asked` does what somebody asks for, `polish_wishes`, too,
and `polish_pairs` solves for people whom terms relate.
`part_model` and `part_cell` are the descent of hands and faces, in the
coordinates of `part_space`, with the files of `part_weights`. `config` holds
its sizes, `weights` loads and saves it, and `photo_model` puts it on the
multitask network.
"""
