"""Training that is killed and asked to end, above all while it saves.

`aim` says where a signal hits, `strike.c` sends it, `program` runs a program
that is hit, and `small_run` is such a program. `runs` hits and compares runs,
which `starters` start, some by the process of `server`; `python -m tests.kills`
does it all and prints a table (`make kills`).
"""
