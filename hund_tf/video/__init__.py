"""From videos to people who move: who is who, one body each, steady motion.

`reading` gives frames with their times. In the first pass `watching` finds
everybody in a chunk of frames, `fitting` fits bodies, cold or from the last
frame, and `sightings` keeps what was seen as files; `looks` are the colours
that tell people and scenes apart. In the
second, `tracker` says who is who, `shapes` gives each person one body and fits
the poses to it, `motion` smooths and fills gaps, `contacts` keeps standing feet
in place, and `tracks` does all of these. `pictures` draws, `writing` writes,
and `reconstruction` is the whole way of one video; `scores` compares with the
truth.
"""
