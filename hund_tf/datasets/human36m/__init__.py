"""Human3.6M: `reader` makes its person records.

`files` reads poses, masks and boxes of the archives, after `cdf_check` has
looked at those in CDF, `takes` finds the takes and their videos, `cameras` has
the calibrations with the dataset's own lens model, and `actions` the names of
actions and which take is a subject's first.
"""
