"""Whether the bytes of a picture hold all of its pixels.

Of photos of users as of the pictures in records. `damage` looks at the bytes of
all kinds but JPEG, `jpeg` at the markers of these, and `opencv` decodes and
hears what decoders warn of. `stored` is all of that for a JPEG or PNG in
memory.
"""
