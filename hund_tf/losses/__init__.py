"""What is minimised (Sec. 2.2, 2.3).

`alignment` is the objective L_u (Eq. 3-6) that descents read and optimisers
lower, `terms` are what users add to it, and `pair_terms` relate two people;
`term_wishes` tells where terms want bodies to go, and `random_terms` draws
some for training. `heatmaps` draws K and finds its peaks for it. For training,
`supervised` has the losses against the truth in 3D, `meta` makes one number of
the losses of all stages (Eq. 7, 8), and `multitask` has the losses of the
network that sees images. `part_alignment` is the objective of hands and faces,
`part_supervised` their losses.
"""
