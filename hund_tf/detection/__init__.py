"""People in a photo: boxes, 137 keypoints and masks, and the maps K and B."""
