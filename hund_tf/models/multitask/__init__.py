"""The network that turns a crop into features F, keypoints K and parts B."""
