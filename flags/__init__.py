"""absl flags, one module per concern, each ending in `to_config()`."""
