"""The learned descent: context embedding, initial state, HUND cell, HUND."""
