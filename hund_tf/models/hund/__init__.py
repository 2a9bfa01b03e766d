"""The learned descent (Eq. 2): embedding, recurrent cell, stages, weights."""
