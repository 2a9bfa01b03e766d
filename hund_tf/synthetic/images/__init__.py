"""Photo-like pictures of synthetic people with exact labels."""
