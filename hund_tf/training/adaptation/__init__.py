"""Self-supervised adaptation of the descent to unlabelled photos and video.

`inputs` are what a user hands in, `photo_people` finds the people, `held_out`
keeps some of them to judge by, `photo_batches` makes examples of the others,
`trainer` updates the weights, `guard` decides which are better, and `report`
tells what was reached.
"""
