"""Training of the learned descent on synthetic people, records and photos."""
