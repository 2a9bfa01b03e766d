"""Damaged and hostile files by the thousand, read in processes of their own.

`kinds` lists what is tried, `child` reads the files of one kind, `harness`
watches it, `mutations` are what happens to files; `python -m tests.fuzz` runs
them all (`make fuzz`).
"""
