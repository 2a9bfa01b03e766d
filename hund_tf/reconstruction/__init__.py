"""From the people found in a photo to people in 3D.

`reconstructor` crops each person, fits the body by a method and puts everybody
into one camera frame, `final_states` and
`stature` make bodies as tall as they are known to be, and `steering` goes on
with what somebody knows better, of one or of several together; `people` are
what comes out;
`methods` are the learned descent, optimisers and hybrids behind one interface,
`descents` the first of these as programs, `polished_end` fits the descent's
last state to what is seen, `method_config` is the choice of a method; `quality`
tells how likely a result is right.

Faces and hands: `attention` takes close-ups of them, `part_reading` reads these
by `part_networks`, `part_results` are what is found, `part_gates` say whether
it belongs to the body, `fusion` puts it onto that, `part_dressing` onto
whole batches, and `parts` does all of it,
as `part_config` says.
"""
