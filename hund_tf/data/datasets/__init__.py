"""Readers of public datasets: each gives person records."""
