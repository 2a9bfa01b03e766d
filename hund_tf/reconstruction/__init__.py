"""From a photo to people in 3D: detection, crops, fitting, one scene."""
