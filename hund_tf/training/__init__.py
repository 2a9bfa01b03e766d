"""Training runs.

`loop` runs the steps of any training, as `loop_config` says, on the devices of
`run_devices`, which `run_config` names; `run_folder` and `run_log` keep its
settings and logs, `checkpoints` lets it go on. `optimizer` has the rates and
Adam, `muon` Muon; `input_pipeline` feeds batches; `descent_loop` runs all
stages in one loop; `phases` chains runs, and `speed` has steps to be timed.
`hund/` trains the learned descent, `multitask/` the network that sees images,
`parts/` the descents of hands and faces,
`adaptation/` adapts the descent to somebody's photos without labels, and
`pose_prior` fits the flows.
"""
