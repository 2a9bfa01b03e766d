"""Command-line programs (thin absl mains)."""
