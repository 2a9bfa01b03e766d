"""Every panel of the picture shows its keypoints."""

import numpy as np

from hund_tf.visualization import keypoint_picture


def test_each_panel_has_dots_over_the_body(body_model):
  picture = keypoint_picture.keypoints_picture(body_model)
  assert picture.dtype == np.uint8
  dots = (picture == (200, 40, 40)).all(axis=-1)
  for panel in np.split(dots, 3, axis=1):
    rows, columns = np.nonzero(panel)
    assert len(rows) > 20 * 10
    assert rows.min() > 20 and rows.max() < panel.shape[0] - 20
    assert columns.min() > 20
