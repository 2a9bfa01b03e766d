"""Datasets into sharded records, in local processes or on Apache Beam.

`config` says what is converted, `shard` converts the inputs of one shard,
`runners` run the shards, and `summary` counts what was written and what was
left out.
"""
