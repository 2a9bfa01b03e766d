"""Motion capture: files, their poses, gestures, and pose libraries."""
