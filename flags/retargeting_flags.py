"""Flags of the fits of our body to measurements in 3D."""

from dataclasses import dataclass

from absl import flags

from hund_tf.retargeting.fit import RetargetingConfig

_DEFAULT = RetargetingConfig()

_RECORDS = flags.DEFINE_string(
  "source_records",
  None,
  "Manifest of the person records to fit, or its folder.",
  required=True,
)
_RECORDS_OUTPUT = flags.DEFINE_string(
  "fitted_records_dir",
  None,
  "Folder for the records with states; made if missing.",
  required=True,
)
_FIT_TO = flags.DEFINE_enum(
  "fit_to",
  "joints",
  ["joints", "smpl", "markers"],
  "What our body is fitted to: the records' joints; SMPL(-X) meshes by "
  "--measurements or --threedpw_dir, --smpl_file and --correspondence; markers "
  "by --measurements and --marker_file.",
)
_MEASUREMENTS = flags.DEFINE_string(
  "measurements",
  None,
  "The .npz of SMPL parameters or of marker positions, by the records' keys; "
  "if none of them is a key of a record, the run fails.",
)
_THREEDPW_DIR = flags.DEFINE_string(
  "threedpw_dir",
  None,
  "Folder of 3DPW (with sequenceFiles) whose SMPL parameters are taken, in "
  "place of --measurements.",
)
_SMPL_FILE = flags.DEFINE_list(
  "smpl_file",
  [],
  "The .npz or .pkl of the SMPL, SMPL+H or SMPL-X model; or MALE,FEMALE, which "
  "people are then posed with by their gender.",
)
_CORRESPONDENCE = flags.DEFINE_string(
  "correspondence", None, "The .npz that tools/make_correspondence.py writes."
)
_MARKER_FILE = flags.DEFINE_string(
  "marker_file", None, "JSON of the vertex and height of every marker."
)
_SIGMA = flags.DEFINE_float(
  "fit_sigma_mm",
  _DEFAULT.sigma_mm,
  "Error of the measurements: a smaller one fits closer to them.",
  lower_bound=0.1,
  upper_bound=100.0,
)
_MAX_RESIDUAL = flags.DEFINE_float(
  "max_residual_mm",
  40.0,
  "States of fits that are farther away on average get the weight 0.",
  lower_bound=0.0,
)
_BATCH = flags.DEFINE_integer(
  "fit_batch_size",
  _DEFAULT.batch_size,
  "Number of people that are fitted together.",
  lower_bound=1,
  upper_bound=1024,
)


@dataclass(frozen=True)
class RetargetingToolConfig:
  """What is fitted to what; see the flags of the same names."""

  records: str
  fitted_records_dir: str
  fit_to: str
  measurements: str | None
  threedpw_dir: str | None
  smpl_file: tuple[str, ...]
  correspondence: str | None
  marker_file: str | None
  max_residual_mm: float
  fit: RetargetingConfig


def to_config() -> RetargetingToolConfig:
  """The fits as the flags describe them.

  Raises:
    ValueError: if a file is missing that --fit_to needs, or a source of
      measurements is given that it does not take.
  """
  sources, needed = {
    "joints": ((), ()),
    "smpl": (
      ("--measurements", "--threedpw_dir"),
      (_SMPL_FILE, _CORRESPONDENCE),
    ),
    "markers": (("--measurements",), (_MARKER_FILE,)),
  }[_FIT_TO.value]
  given = [f"--{f.name}" for f in (_MEASUREMENTS, _THREEDPW_DIR) if f.value]
  missing = [f"--{flag.name}" for flag in needed if not flag.value]
  if sources and not given:
    missing.insert(0, " or ".join(sources))
  if missing:
    raise ValueError(f"--fit_to={_FIT_TO.value} needs {', '.join(missing)}")
  if unused := sorted(set(given) - set(sources)):
    raise ValueError(
      f"--fit_to={_FIT_TO.value} takes no {', '.join(unused)}; --fit_to says "
      "what is fitted to"
    )
  if len(given) > 1:
    raise ValueError(f"give {' or '.join(given)}, not both")
  return RetargetingToolConfig(
    records=_RECORDS.value,
    fitted_records_dir=_RECORDS_OUTPUT.value,
    fit_to=_FIT_TO.value,
    measurements=_MEASUREMENTS.value,
    threedpw_dir=_THREEDPW_DIR.value,
    smpl_file=tuple(_SMPL_FILE.value),
    correspondence=_CORRESPONDENCE.value,
    marker_file=_MARKER_FILE.value,
    max_residual_mm=_MAX_RESIDUAL.value,
    fit=RetargetingConfig(sigma_mm=_SIGMA.value, batch_size=_BATCH.value),
  )
