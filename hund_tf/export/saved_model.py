"""The reconstruction model as a SavedModel: features -> trace and meshes.

Inputs of the signature `serving_default`, any batch size B, also 0, float32:

  heatmaps         [B, 60, 60, 137]  K
  heatmap_weights  [B, 137]          confidence
  part_probs       [B, 60, 60, 15]   B
  part_weights     [B, 16]           which channels of B are known
  features         [B, 60, 60, C]    F, if the model was made for it
  landmarks_3d     [B, 137, 3]       metres, viewing frame of the crops
  landmark_3d_weights  [B, 137]      0 where there is none
  focal, center    [B, 2]            of the crops (C_c), crop pixels

Outputs: `state/*` and `loss/*` of s_0 ... s_M `[B, M+1, ...]`, the fields of
`HumanState` and `AlignmentTerms`; where the model polishes, s_M polished comes
after it, with its `uncertainty [B, 63]` (expected errors of the joints,
millimetres, pelvises together); of the last state `vertices [B, V, 3]`,
`joints`, `keypoints` (metres, camera frame) and `rotations [B, 63, 3, 3]`.
Inputs of a person that are not finite spoil the outputs of that person alone.
The signature `topology` takes nothing and gives the mesh's triangles `faces
[F, 3]`.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from hund_tf import locks
from hund_tf.body import asset
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.export.shared_body import SharedBody
from hund_tf.files import atomic_path, remove_unfinished
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.models.hund.model import HundModel, blank_inputs
from hund_tf.models.hund.polish import Polish
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.models.hund.polish_rows import seen_in
from hund_tf.models.untracked import Untracked
from hund_tf.reconstruction.stature import with_stature
from hund_tf.types import (
  HumanState,
  ImageFeatures,
  Intrinsics,
  RefinementState,
  no_landmarks_3d,
)


class ReconstructionModule(tf.Module):
  """A HUND with typed signatures and flat dicts of outputs."""

  def __init__(
    self,
    model: HundModel,
    num_stages: int | None = None,
    mesh: str = asset.FULL_MESH,
    anchor: Anchor | None = None,
    loop: bool = False,
  ):
    """Wraps a model.

    Args:
      model: with its weights.
      num_stages: M; without it the model's own.
      mesh: of the vertices that are put out.
      anchor: of the model's weights: the last state is polished.
      loop: the stages as a loop, and the body posed by functions of its own:
        fewer operations, but sums are rounded in another order than in this
        package.

    Raises:
      ValueError: if there is no such mesh.
    """
    super().__init__(name="reconstruction")
    # The variables are saved, but not the Keras model around them, which would
    # have to be called first.
    self._model = Untracked(model)
    self._variables = model.variables
    self.objective = model.objective
    self._body = model.objective.body_model
    if loop and isinstance(self._body, BodyModel):
      self._body = SharedBody(self._body)
    self._polish = anchor and Untracked(
      Polish(self.objective.body_model, anchor)
    )
    self._num_stages = num_stages
    self._loop = loop
    self._mesh = mesh
    self._faces = model.objective.body_model.faces(mesh)

  def reconstruct(self, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Features to trace and meshes; see the module for names and shapes.

    F and the 3D landmarks may be left out; they are then unknown.
    """
    if "features" not in inputs:
      cells = tf.shape(inputs["heatmaps"])[:3]
      shape = tf.concat([cells, [0]], axis=0)
      inputs = inputs | {"features": tf.zeros(shape)}
      inputs["features"].set_shape([None, None, None, 0])
    absent = no_landmarks_3d(tf.shape(inputs["heatmaps"])[0])
    inputs = absent._asdict() | inputs
    features = ImageFeatures(**{k: inputs[k] for k in ImageFeatures._fields})
    intrinsics = Intrinsics(inputs["focal"], inputs["center"])
    model = self._model.value
    descend = model.descend_in_loop if self._loop else model
    trace = descend(features, intrinsics, self._num_stages)
    outputs = {}
    if self._polish is not None:
      trace, outputs["uncertainty"] = self._polished(
        trace, features, intrinsics
      )
    last = tf.nest.map_structure(lambda x: x[:, -1], trace.state)
    body = self._body.decode(last, mesh=self._mesh)
    outputs |= body._asdict()
    outputs |= {f"state/{k}": v for k, v in trace.state._asdict().items()}
    outputs |= {f"loss/{k}": v for k, v in trace.terms._asdict().items()}
    return outputs

  def _polished(
    self,
    trace: RefinementState,
    features: ImageFeatures,
    intrinsics: Intrinsics,
  ) -> tuple[RefinementState, tf.Tensor]:
    """The trace with the polished state after s_M, and its uncertainty."""
    polish = self._polish.value
    target = target_from_features(features)
    seen = seen_in(features, target, intrinsics)
    last = tf.nest.map_structure(lambda x: x[:, -1], trace.state)
    state = polish(last, seen, intrinsics)
    row = state, self.objective(state, target, intrinsics)
    states, terms = tf.nest.map_structure(
      lambda rows, x: tf.concat([rows, x[:, None]], axis=1),
      (trace.state, trace.terms),
      row,
    )
    uncertainty = polish.uncertainty(state, seen, intrinsics)
    return trace._replace(state=states, terms=terms), uncertainty

  def made_tall(
    self, state: HumanState, cameras: Intrinsics, heights: tf.Tensor
  ) -> tuple[HumanState, dict[str, tf.Tensor]]:
    """States of people of known statures, and their bodies.

    Args:
      state: fields `[N, ...]`.
      cameras: of the photos, fields `[N, 2]`, pixels.
      heights: `[N]` metres, 0 where none is known.

    Returns:
      States, and the fields of their `BodyOutput` by name.
    """
    body_model = self._body

    def one(row: tuple[HumanState, Intrinsics, tf.Tensor]) -> HumanState:
      state, camera, height = row
      return tf.cond(
        height > 0.0,
        lambda: with_stature(body_model, state, camera, height),
        lambda: state,
      )

    specs = tf.nest.map_structure(
      lambda x: tf.TensorSpec(x.shape[1:], x.dtype), state
    )
    state = tf.map_fn(
      one,
      (state, cameras, heights),
      fn_output_signature=specs,
      parallel_iterations=1,
    )
    return state, body_model.decode(state, self._mesh)._asdict()

  def topology(self) -> dict[str, tf.Tensor]:
    """Triangles `[F, 3]` int32 of the mesh."""
    return {"faces": tf.constant(self._faces)}

  def input_specs(self) -> dict[str, tf.TensorSpec]:
    """The inputs by name, with any batch size."""
    features, intrinsics = blank_inputs(self._model.value.config)
    named = features._asdict() | intrinsics._asdict()
    if not features.features.shape[-1]:
      del named["features"]
    return {
      name: tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype, name)
      for name, tensor in named.items()
    }

  def extra_files(self) -> dict[str, bytes]:
    """None."""
    return {}

  def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
    """The two signatures, with any batch size."""

    def serve(**inputs):
      count = tf.shape(inputs["focal"])[0]
      filled = {name: _never_empty(x) for name, x in inputs.items()}
      outputs = self.reconstruct(filled)
      return {name: value[:count] for name, value in outputs.items()}

    return {
      "serving_default": tf.function(
        serve, autograph=False
      ).get_concrete_function(**self.input_specs()),
      "topology": tf.function(
        self.topology, autograph=False
      ).get_concrete_function(),
    }


def _never_empty(batch: tf.Tensor) -> tf.Tensor:
  """The batch, or one row of ones: convolutions on CPUs take no empty ones."""
  missing = tf.cast(tf.equal(tf.shape(batch)[0], 0), tf.int32)
  padding = [[0, missing]] + [[0, 0]] * (len(batch.shape) - 1)
  return tf.pad(batch, padding, constant_values=1.0)


class Exportable(Protocol):
  """What can be saved."""

  def signatures(self) -> dict[str, Callable]:
    """By name."""
    ...

  def extra_files(self) -> dict[str, bytes]:
    """For the folder `assets.extra`, by the name of the file."""
    ...


def save_model(module: Exportable, folder: str | os.PathLike) -> Path:
  """Writes a SavedModel; `folder` appears when it is complete.

  Args:
    module: what to write.
    folder: a new folder.

  Returns:
    The folder.

  Raises:
    ValueError: if `folder` exists and is not an empty folder.
    OutputError: if it cannot be written.
    LockedError: if another process writes it.
  """
  folder = new_folder(folder)
  with locks.only_writer(folder.parent, folder.name):
    remove_unfinished(folder.parent, folder.name)
    with atomic_path(folder) as temporary:
      try:
        tf.saved_model.save(module, str(temporary), module.signatures())
      except tf.errors.OpError as error:
        raise OSError(error.message.splitlines()[0]) from error
      for name, content in module.extra_files().items():
        path = temporary / "assets.extra" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
  return folder


def new_folder(folder: str | os.PathLike) -> Path:
  """The folder; raises ValueError if it exists and is not empty."""
  folder = Path(folder)
  if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
    raise ValueError(f"{folder}: exists; expected a new or an empty folder")
  return folder
