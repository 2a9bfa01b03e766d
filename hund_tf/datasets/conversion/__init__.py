"""Datasets into sharded records, in local processes or on Apache Beam.

`shard` is the unit of work, `runners` has the shards made, and `summary` counts
what became of the inputs and writes the report and the manifest.
"""
