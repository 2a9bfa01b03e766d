"""All pictures that are drawn.

Of reconstructions: `overlay`, `descent_pictures`, `part_pictures` (faces and
hands), `stage_row` and `stage_strip`. Of data: `contact_sheet` (records),
`example_sheet` (training examples), `pose_set_sheet` (named sets of poses),
`map_sheet` (K and B); `sheet_config` says of how many. Of training and figures:
`training_curves`, `adaptation_pictures`, `descent_plots`, `quality_plot`,
`reliability_plot`. Of the body: `body_pictures`, `keypoint_picture`,
`gesture_sheet` and `pose_sheet`.
"""
