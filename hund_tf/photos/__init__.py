"""What a user hands in: photos, videos, boxes, cameras, landmark files."""
