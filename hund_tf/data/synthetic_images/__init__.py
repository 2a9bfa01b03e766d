"""Photo-like synthetic images of people with exact labels."""
