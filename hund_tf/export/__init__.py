"""What leaves the system: SavedModels, meshes, and the JSON report."""
