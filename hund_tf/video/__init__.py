"""From videos to people who move: who is who, one body each, steady motion.

`reading` gives frames with their times. In the first pass `watching` finds
everybody in a chunk of frames, `fitting` fits bodies, cold or from the last
frame, and `sightings` keeps what was seen as files; `looks` are the colours
that tell people and scenes apart.

In the second, `tracker` says who is who and `assignment` has it do so for all
chunks, `shapes` gives each person one body and fits the poses to it, `motion`
smooths and fills gaps, `steadying` does so with whole bodies, `contacts` and
`legs` keep standing feet in place, and `tracks` does all of these.
`reconstruction` is both passes, told of by `progress`; `results` are the files,
of `pictures` and `writing`; `making` puts it together as users ask for it.
`scores` compares with the truth, and `speed` with photos.

`live` follows people in one pass: `streams` gives the newest frame of a camera,
and `live_page` shows it.
"""
