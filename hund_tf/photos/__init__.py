"""What a user hands in: photos, videos, boxes, cameras, landmark files.

`listing` says which photos files, globs and folders mean, and `loading` reads
them, by `pixels`. `video` gives the frames of a video. `boxes`, `cameras` (with
the focal length of `exif`), `heights` and `landmark_files` read what is known
of a photo, `corrections` what is known better of people, `by_photo` the JSON
files that state it for several; `source` is the file itself, by its digest.
`people` is the one way from a photo to the people in it and their camera, as
`people_config` states them.
"""
