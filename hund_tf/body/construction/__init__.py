"""How the open body model is made from its CC0 sources."""
