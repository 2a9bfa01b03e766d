"""The networks: the learned descent (`hund/`) and the multitask one."""
