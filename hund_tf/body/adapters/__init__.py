"""Other body models behind the interface of the open one."""
