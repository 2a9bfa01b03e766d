"""The page's tab of videos, laid out with gradio."""

from pathlib import Path
from typing import Any

from hund_tf.demo.films import Filmer
from hund_tf.demo.page_errors import told_errors

_HEAD = """Give a video of a few seconds and press *Reconstruct*. It takes about
half a second a frame for each person, and a minute more for the first video.
Everybody gets a number, one body and a steady motion."""


def build(gr: Any, filmer: Filmer, folder: Path) -> None:
  """Lays out the tab; to be called where it is to be.

  Args:
    gr: of `page.load_gradio`.
    filmer: reconstructs videos.
    folder: for the files of results.
  """
  gr.Markdown(_HEAD)
  with gr.Row():
    with gr.Column():
      clip = gr.Video(
        label="Video", sources=["upload"], buttons=[], elem_id="clip"
      )
      focal = gr.Number(0, label="Focal length, pixels (0: not known)")
      height = gr.Number(0, label="Height, metres (0: not known)")
      go = gr.Button("Reconstruct", variant="primary", elem_id="go_clip")
    with gr.Column():
      overlay = gr.Video(
        label="Result", interactive=False, buttons=[], elem_id="film"
      )
      words = gr.Markdown(elem_id="film_words")
      files = gr.File(label="Files", interactive=False, elem_id="film_files")

  def film(given, focal_px, height_m, progress=gr.Progress()):  # noqa: B008
    if given is None:
      raise gr.Error("Give a video first.")

    def tell(what: str, done: int, total: int) -> None:
      progress((done, total), desc=what, unit="frames")

    with told_errors(gr):
      made = filmer(given, folder, focal_px or None, height_m or None, tell)
    return str(made.overlay), made.words, [str(path) for path in made.files]

  go.click(
    film,
    [clip, focal, height],
    [overlay, words, files],
    api_visibility="private",
  )
