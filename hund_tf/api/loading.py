"""Loading the learned descent: `hund_tf.load`."""

import os
from collections.abc import Sequence
from typing import Literal

from hund_tf.api.model import PeopleModel
from hund_tf.body.model import BodyModel
from hund_tf.detection.detector import PeopleDetector
from hund_tf.detection.feature_config import FeatureConfig, load_features
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.losses.terms import Term
from hund_tf.models.hund.config import DescentOptions
from hund_tf.reconstruction.attention import PARTS
from hund_tf.reconstruction.method_config import (
  MethodConfig,
  find_calibration,
  find_parts,
  make_method,
)
from hund_tf.reconstruction.part_config import PartsConfig
from hund_tf.reconstruction.reconstructor import Reconstructor


def load(
  weights: str | os.PathLike | None = None,
  *,
  method: Literal["hund", "bfgs", "lbfgs", "adam", "gauss_newton"] = "hund",
  features: Literal["landmarks", "network", "both"] = "landmarks",
  num_stages: int | None = None,
  polish: bool = True,
  refine_steps: int = 0,
  jit_compile: bool = False,
  parts: Sequence[Literal["face", "left_hand", "right_hand"]] = PARTS,
  terms: Sequence[Term] = (),
) -> PeopleModel:
  """Loads what turns photos into people in 3D.

  Args:
    weights: of the learned descent; by default those that come with the
      package.
    method: the learned descent, or an optimiser of the same objective.
    features: what the objective compares bodies with: a detector's landmarks
      and masks, the maps of the multitask network, or both.
    num_stages: M of the learned descent; by default as in its training.
    polish: fit the last state of the learned descent to what is seen.
    refine_steps: iterations of BFGS after the learned descent.
    jit_compile: XLA: faster, but slower to start.
    parts: those of "face", "left_hand" and "right_hand" that are read by
      networks of their own and put onto the body of the learned descent; by
      default all, and none if empty.
    terms: of your own, beside those of the objective.

  Returns:
    The model; call it with a photo.

  Raises:
    ValueError: if the weights or an option cannot be used.
  """
  config = MethodConfig(
    method=method,
    weights=None if weights is None else os.fspath(weights),
    polish=polish,
    refine_steps=refine_steps,
    descent=DescentOptions(num_stages=num_stages, jit_compile=jit_compile),
  )
  if refine_steps and method != "hund":
    raise ValueError(
      f"refine_steps: got {refine_steps} with method {method!r}, expected 0: "
      "BFGS goes on from the learned descent only"
    )
  body_model = BodyModel()

  def reconstructor(terms: tuple[Term, ...], parts: tuple) -> Reconstructor:
    objective = AlignmentObjective(body_model, terms=terms)
    fitter = make_method(config, objective)
    return Reconstructor(
      fitter,
      find_calibration(config, objective),
      load_features(FeatureConfig(features), fitter.feature_channels),
      fitter.uncertainty,
      find_parts(PartsConfig(parts or ("none",)), fitter, config),
    )

  return PeopleModel(
    PeopleDetector(),
    reconstructor(tuple(terms), tuple(parts)),
    body_model,
    config.name,
    lambda terms: reconstructor(terms, ()),
  )
