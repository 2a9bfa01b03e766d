"""From the people found in a photo to people in 3D.

`reconstructor` crops each person, fits the body by a method and puts everybody
into one camera frame, `stature` makes bodies as tall as they are known to be;
`methods` are the learned descent, optimisers and hybrids behind one interface,
`method_config` the choice of one; `quality` tells how likely a result is right.
"""
