"""People and landmarks in a photo."""
