"""Finds where each vertex of our body is on the mesh of a SMPL(-X) model.

  python -m tools.make_correspondence --source_body=SMPLX_NEUTRAL.npz \\
    --correspondence_output=SMPLX.npz

The table serves all files of that topology. Prints how far both surfaces are
apart at rest, after our body was fitted to the other.
"""

import dataclasses
import sys
from collections.abc import Sequence

import numpy as np

from flags import body_flags, program
from flags.from_config import define
from hund_tf.body.adapters.smpl import SmplBody
from hund_tf.body.asset import MESHES
from hund_tf.options import REQUIRED, check, option
from hund_tf.retargeting import correspondence
from hund_tf.retargeting.fit import RetargetingConfig


@dataclasses.dataclass(frozen=True)
class CorrespondenceConfig:
  """What corresponds to what."""

  source_body: str = option(
    REQUIRED, "The .npz or .pkl of the SMPL, SMPL+H or SMPL-X model."
  )
  correspondence_output: str = option(REQUIRED, "The .npz file to write.")
  correspondence_mesh: str = option(
    "proxy_1500",
    "Mesh of our body whose vertices get a counterpart.",
    choices=MESHES,
  )
  max_distance_mm: float = option(
    30.0,
    "Vertices that stay farther from the other surface, millimetres, take no "
    "part in fits.",
    low=1.0,
  )

  def __post_init__(self):
    check(self)


_to_config = define(CorrespondenceConfig, "Correspondence")


def main(argv: Sequence[str]) -> int:
  if len(argv) > 1:
    print(f"unknown arguments {argv[1:]}; see --help", file=sys.stderr)
    return 1
  try:
    config = _to_config()
    source = SmplBody.load(config.source_body)
    mesh = config.correspondence_mesh
    retargeting = correspondence.mesh_retargeting(
      body_flags.to_model(), mesh, RetargetingConfig(batch_size=1)
    )
    table = correspondence.compute(
      retargeting, source, mesh, config.max_distance_mm
    )
    correspondence.save(config.correspondence_output, table)
  except ValueError as error:
    print(error, file=sys.stderr)
    return 1
  used = table.distance_mm[table.weights > 0]
  print(
    f"{source.kind}: {len(used)} of {len(table.weights)} vertices have a "
    f"counterpart; distance mm: mean {used.mean():.2f}, p95 "
    f"{np.percentile(used, 95):.2f}"
  )
  return 0


if __name__ == "__main__":
  program.run(main)
