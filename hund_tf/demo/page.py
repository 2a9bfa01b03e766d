"""The page: laid out with gradio, and served to this machine alone."""

import functools
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hund_tf.api.demo import demo_photo
from hund_tf.api.model import PeopleModel
from hund_tf.body import skeleton
from hund_tf.demo import film_tab, steering, work
from hund_tf.demo.films import Filmer
from hund_tf.demo.page_errors import told_errors
from hund_tf.demo.steering import Moves
from hund_tf.demo.work import Shown
from hund_tf.extras import load_extra

HOST = "127.0.0.1"
_EXAMPLES = ("astronaut", "cameraman")
_KEPT_S = 3600  # how long the files of a result stay, seconds
_MAX_WAITING = 8  # photos that wait for the one at work
_MAX_SESSIONS = 16  # results that are kept, each of a browser's tab
_HEAD = """# People in 3D

Photos and videos stay on this machine."""

_PHOTO = """Give a photo and press *Reconstruct*. The slider
shows the stages of the descent; the frame below can be turned by the mouse."""

_CORRECT = """Click a keypoint, then where it is to be; as often as you like.
Focal length and height above count too: the height is of those whose keypoints
are moved, or of all if none is. The descent goes on from where it is."""


def load_gradio(folder: Path) -> Any:
  """gradio, without reports to anyone, and its files in a folder.

  Raises:
    ImportError: if it is not installed.
  """
  os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
  os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
  os.environ["GRADIO_TEMP_DIR"] = str(folder)
  return load_extra("gradio", "demo")


def build(gr: Any, model: PeopleModel, filmer: Filmer, folder: Path) -> Any:
  """The page as gradio's Blocks.

  Args:
    gr: of `load_gradio`.
    model: of `hund_tf.load`.
    filmer: reconstructs videos.
    folder: for the files of results.
  """
  with gr.Blocks(
    title="People in 3D",
    analytics_enabled=False,
    delete_cache=(_KEPT_S, _KEPT_S),
    fill_width=True,
  ) as blocks:
    gr.Markdown(_HEAD)
    with gr.Tab("Photo", elem_id="photos"):
      _build_photos(gr, model, folder)
    with gr.Tab("Video", elem_id="videos"):
      film_tab.build(gr, filmer, folder)
  return blocks


def _build_photos(gr: Any, model: PeopleModel, folder: Path) -> None:
  """The tab of photos."""
  gr.Markdown(_PHOTO)
  shown = gr.State(None, time_to_live=_KEPT_S)
  moves = gr.State(Moves())
  with gr.Row():
    photo, focal, height, go = _inputs(gr)
    picture, stage, words, files = _outputs(gr)
  with gr.Accordion("Correct", open=False, elem_id="correct"):
    marked, told, before, locked, again = _corrections(gr)
  scene = gr.HTML(elem_id="scene")
  results = [shown, picture, stage, words, files, scene, moves, marked, told]
  quietly = {"show_progress": "hidden", "api_visibility": "private"}
  go.click(
    functools.partial(_reconstruct, gr, model, folder),
    [photo, focal, height],
    [*results, before],
    api_visibility="private",
  )
  stage.input(
    _stage, [shown, stage], picture, trigger_mode="always_last", **quietly
  )
  marked.select(_click_of(gr), [shown, moves], [moves, marked, told], **quietly)
  again.click(
    functools.partial(_resume, gr, model, folder),
    [shown, moves, focal, height, locked],
    [*results, before],
    api_visibility="private",
  )


def _inputs(gr: Any) -> tuple[Any, ...]:
  """Photo, focal length, height and button."""
  with gr.Column():
    photo = gr.Image(
      label="Photo",
      type="filepath",
      image_mode=None,  # the file as it is, with what its camera wrote
      buttons=[],
      elem_id="photo",
    )
    examples = [str(demo_photo(name)) for name in _EXAMPLES]
    gr.Examples(examples, photo, cache_examples=False)
    with gr.Row():
      focal = gr.Number(0, label="Focal length, pixels (0: not known)")
      height = gr.Number(0, label="Height, metres (0: not known)")
    go = gr.Button("Reconstruct", variant="primary", elem_id="go")
  return photo, focal, height, go


def _outputs(gr: Any) -> tuple[Any, ...]:
  """Picture, slider of its stage, words and files."""
  with gr.Column():
    picture = _picture(gr, "Result", "picture", ["download"])
    stage = gr.Slider(
      0, 1, 0, step=1, label="Stage", visible=False, elem_id="stage"
    )
    words = gr.Markdown(elem_id="words")
    files = gr.File(label="Files", interactive=False, elem_id="files")
  return picture, stage, words, files


def _corrections(gr: Any) -> tuple[Any, ...]:
  """Picture to click at, what was clicked, what was before, locks, button."""
  gr.Markdown(_CORRECT)
  with gr.Row():
    with gr.Column():
      marked = _picture(gr, "Click here", "marked")
      told = gr.Markdown(elem_id="told")
      locked = gr.Dropdown(
        list(skeleton.NAMES), multiselect=True, label="Joints that stay"
      )
      again = gr.Button("Go on with the descent", elem_id="again")
    before = _picture(gr, "Before", "before")
  return marked, told, before, locked, again


def _picture(gr: Any, label: str, name: str, buttons: Sequence[str] = ()):
  return gr.Image(
    label=label,
    format="png",
    interactive=False,
    buttons=list(buttons),
    elem_id=name,
  )


def _reconstruct(
  gr: Any,
  model: PeopleModel,
  folder: Path,
  photo: str | None,
  focal_px: float | None,
  height_m: float | None,
) -> list[Any]:
  """What the first button does: the values of all results."""
  if photo is None:
    raise gr.Error("Give a photo first.")
  with told_errors(gr):
    found = work.reconstruct(
      model, photo, folder, focal_px or None, height_m or None
    )
  return [*_values(gr, found), None]


def _resume(
  gr: Any,
  model: PeopleModel,
  folder: Path,
  shown: Shown | None,
  moves: Moves,
  focal_px: float | None,
  height_m: float | None,
  locked: Sequence[str],
) -> list[Any]:
  """What the second button does: the values of all results."""
  if shown is None:
    raise gr.Error("Reconstruct a photo first.")
  with told_errors(gr):
    people = steering.resume(
      model, shown.people, moves, focal_px or None, height_m or None, locked
    )
    found = work.show(people, folder)
  return [*_values(gr, found), shown.overlay]


def _values(gr: Any, found: Shown) -> list[Any]:
  last = len(found.stages) - 1
  return [
    found,
    found.overlay,
    gr.Slider(maximum=max(last, 1), value=max(last, 0), visible=last > 0),
    found.words,
    [str(path) for path in found.files],
    found.scene,
    *_marks(found, Moves()),
  ]


def _marks(found: Shown, moves: Moves) -> list[Any]:
  picture = steering.drawn(found.overlay, found.people, moves)
  return [moves, picture, steering.told(moves)]


def _click_of(gr: Any) -> Callable:
  """What a click on the picture does; gradio goes by its annotations."""

  def click(shown: Shown | None, moves: Moves, event):
    if shown is None:
      return [moves, None, ""]
    x, y = event.index or (None, None)
    if x is not None and y is not None:  # else it was beside the picture
      moves = steering.clicked(moves, shown.people, x, y)
    return _marks(shown, moves)

  click.__annotations__["event"] = gr.SelectData
  return click


def _stage(found: Shown | None, number: float) -> Any:
  """The picture of a stage; the last one is the result in full size."""
  if found is None or not found.stages:
    return None
  index = int(number)
  if index >= len(found.stages) - 1:
    return found.overlay
  return found.stages[index]


def serve(gr: Any, blocks: Any, port: int, max_upload_mb: float) -> str:
  """Serves the page in threads, until the process ends or `blocks.close()`.

  Args:
    gr: of `load_gradio`.
    blocks: of `build`.
    port: to listen on; 0 for any that is free.
    max_upload_mb: largest file that is taken, MB.

  Returns:
    The page's address.

  Raises:
    OSError: if nothing can listen on the port.
  """
  with socket.socket() as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind((HOST, port))
    port = probe.getsockname()[1]
  blocks.queue(max_size=_MAX_WAITING, default_concurrency_limit=1)
  plain = gr.themes.Default(
    font=["system-ui", "sans-serif"], font_mono=["monospace"]
  )
  _, url, _ = blocks.launch(
    server_name=HOST,
    server_port=port,
    share=False,
    strict_cors=True,
    mcp_server=False,
    ssr_mode=False,
    pwa=False,
    enable_monitoring=False,
    quiet=True,
    prevent_thread_lock=True,
    inbrowser=False,
    footer_links=[],
    max_file_size=int(max_upload_mb * 1e6),
    state_session_capacity=_MAX_SESSIONS,
    theme=plain,
  )
  return url
