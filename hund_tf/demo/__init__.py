"""A page on which photos are tried out: `hund demo`.

`work` turns a photo into what is shown and downloaded, `steering` what is
clicked into corrections; `page` lays them out with gradio and serves them to
this machine alone.
"""
