"""Many photos through the SavedModel from photos to people, shard by shard.

`config` are the settings; `listing` finds the inputs and spreads them over
shards, `reading` gets the photos out of them; `model` runs the SavedModel,
`tables` and `meshes` write what it found. `shard` makes one shard of it all,
`runners` make all of them, in processes or on Apache Beam; `summary` counts.
"""
