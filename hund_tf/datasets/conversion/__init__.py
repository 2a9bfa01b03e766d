"""Datasets into sharded records, in local processes or on Apache Beam."""
