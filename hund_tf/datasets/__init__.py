"""Readers of public datasets, and photos labelled by the detector, as records.

Each reader yields `records.schema.PersonRecord`s; `registry` finds the readers
by the name of the dataset.
"""
