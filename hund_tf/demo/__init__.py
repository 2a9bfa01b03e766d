"""A page on which photos and videos are tried out: `hund demo`.

`work` turns a photo into what is shown and downloaded, `steering` what is
clicked into corrections, `films` a video into its files; `page` and `film_tab`
lay them out with gradio, tell what is wrong by `page_errors`, and serve them to
this machine alone.
"""
