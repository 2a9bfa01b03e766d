"""A model behind HTTP: TensorFlow Serving's REST paths, by a small server.

`model` loads a SavedModel and runs its signatures; `tensors` turns the JSON of
requests into arrays and arrays into that of answers; `pictures` looks at the
headers of photos before anything decodes them. `batching` puts rows of several
requests into one call of the model, behind a bounded queue. `service` is a
request from its bytes to the bytes of its answer, `admission` what is let in,
`metrics` what is counted. `app` has the paths, `connections` closes those that
say nothing, and `server` runs it all. `config` has the options, `refusals` the
errors that clients see. `load` sends photos to a server and counts what comes
back.

Of other packages that only this room needs (the extra `serve`) `app`,
`connections`, `metrics`, `server` and `tensors` import their own: who imports
these says first that the extra is needed.
"""
