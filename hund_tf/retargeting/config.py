"""What our body is fitted to, and with which files."""

import dataclasses

from hund_tf.options import REQUIRED, check, option
from hund_tf.retargeting.fit import RetargetingConfig

# What each kind of measurements may come from, and what else it needs.
_SOURCES = {
  "joints": ((), ()),
  "smpl": (("measurements", "threedpw_dir"), ("smpl_file", "correspondence")),
  "markers": (("measurements",), ("marker_file",)),
}


@dataclasses.dataclass(frozen=True)
class RetargetingToolConfig:
  """Fits of our body to measurements of person records."""

  records: str = option(
    REQUIRED,
    "Manifest of the person records to fit, or its folder.",
    name="source_records",
  )
  fitted_records_dir: str = option(
    REQUIRED, "Folder for the records with states; made if it is missing."
  )
  fit_to: str = option(
    "joints",
    "What our body is fitted to: the records' joints; SMPL(-X) meshes by "
    "--measurements or --threedpw_dir, --smpl_file and --correspondence; "
    "markers by --measurements and --marker_file.",
    choices=_SOURCES,
  )
  measurements: str | None = option(
    None,
    "The .npz of SMPL parameters or of marker positions, by the records' keys; "
    "if none of them is a key of a record, the run fails.",
  )
  threedpw_dir: str | None = option(
    None,
    "Folder of 3DPW (with sequenceFiles) whose SMPL parameters are taken, in "
    "place of --measurements.",
  )
  smpl_file: tuple[str, ...] = option(
    (),
    "The .npz or .pkl of the SMPL, SMPL+H or SMPL-X model; or MALE,FEMALE, "
    "which people are then posed with by their gender.",
  )
  correspondence: str | None = option(
    None, "The .npz that tools/make_correspondence.py writes."
  )
  marker_file: str | None = option(
    None, "JSON of the vertex and height of every marker."
  )
  max_residual_mm: float = option(
    40.0,
    "States of fits that are farther away on average, millimetres, get the "
    "weight 0.",
    low=0.0,
  )
  fit: RetargetingConfig = RetargetingConfig()

  def __post_init__(self):
    check(self)
    sources, needed = _SOURCES[self.fit_to]
    offered = [n for n in ("measurements", "threedpw_dir") if getattr(self, n)]
    missing = [f"--{name}" for name in needed if not getattr(self, name)]
    if sources and not offered:
      missing.insert(0, " or ".join(f"--{name}" for name in sources))
    if missing:
      raise ValueError(f"fit_to={self.fit_to} needs {', '.join(missing)}")
    if unused := sorted(set(offered) - set(sources)):
      raise ValueError(
        f"fit_to={self.fit_to} takes no "
        f"{', '.join(f'--{name}' for name in unused)}; --fit_to says what is "
        "fitted to"
      )
    if len(offered) > 1:
      raise ValueError("give --measurements or --threedpw_dir, not both")
