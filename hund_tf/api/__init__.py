"""The public face: `hund_tf.load()`, the model it gives, and its results.

`hund_tf` itself exports what is here; `loading` makes a `model`, which runs,
`results` are the people of a photo, each a `person`, `related` makes these anew
together, `result_files` are the files that hold them and `scenes` those with
skeletons; `demo` names the photos of the package.
"""
