"""People in 3D from the people found in a photo, and how good they are."""
