"""A page on which photos are tried out: `hund demo`.

`work` turns a photo into what is shown and downloaded, and what is clicked into
corrections; `page` lays it out with gradio and serves it to this machine alone.
"""
