"""The paper's evaluation protocols: which people, and what is true of them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from hund_tf.body import joint_sets
from hund_tf.datasets.human36m import actions
from hund_tf.evaluation import compared_joints
from hund_tf.records import schema
from hund_tf.records.schema import PersonRecord
from hund_tf.records.shards import Manifest, RecordError, ShardReader


class PublishedRow(NamedTuple):
  """A row of a table of the paper, millimetres; NaN where it has none."""

  method: str
  pa_mpjpe: float
  mpjpe: float
  mpjpe_trans: float = float("nan")


class Protocol(NamedTuple):
  """Which people are evaluated, and what is expected of their number."""

  name: str
  title: str
  subjects: tuple[str, ...]  # empty: all
  cameras: tuple[str, ...]  # empty: all
  trials: tuple[int, ...]  # of Human3.6M's takes; empty: all
  frame_step: int  # frames between two records of a video; 0: not regular
  frames: int  # expected, within a hundredth
  frames_source: str
  videos: int  # expected
  published: tuple[PublishedRow, ...]


_NAN = float("nan")
TABLE_1 = (
  PublishedRow("HMR (FS+WS)", 58.1, 88.0),
  PublishedRow("SPIN (FS+WS)", _NAN, _NAN),
  PublishedRow("HUND (FS+SS)", 52.6, 69.45, 152.6),
  PublishedRow("HMR (WS)", 67.45, 106.84),
  PublishedRow("HUND (SS)", 66.0, 91.8, 159.3),
)
TABLE_2 = (
  PublishedRow("HMR (FS+WS)", _NAN, 89.0),
  PublishedRow("SPIN (FS+WS)", _NAN, 68.0),
  PublishedRow("HUND (FS+SS)", _NAN, 66.0),
)
TABLE_3 = (
  PublishedRow("HMR (FS+WS)", 81.3, 130.0),
  PublishedRow("SPIN (FS+WS)", 59.2, 96.9),
  PublishedRow("ExPose (FS+WS)", 60.7, 93.4),
  PublishedRow("HUND (SS)", 63.5, 90.4),
  PublishedRow("HUND (FS+SS)", 57.5, 81.4),
)

PROTOCOLS = {
  protocol.name: protocol
  for protocol in (
    Protocol(
      name="h36m_p1",
      title="Human3.6M, protocol 1 (Table 1)",
      subjects=actions.TEST_SUBJECTS,
      cameras=(),
      trials=(),
      frame_step=5,
      frames=110_000,
      frames_source="the paper, rounded: S9 and S11, every 5th frame",
      videos=239,  # 2 subjects, 15 actions, 2 takes, 4 cameras; 1 is damaged
      published=TABLE_1,
    ),
    Protocol(
      name="h36m_p2",
      title="Human3.6M, protocol 2 (camera 60457274, first takes)",
      subjects=actions.TEST_SUBJECTS,
      cameras=("60457274",),
      trials=(1,),
      frame_step=5,
      frames=13_700,
      frames_source="the paper, rounded: HMR's rule, every 5th frame",
      videos=30,
      published=(),
    ),
    Protocol(
      name="3dpw",
      title="3DPW, test split (Table 3)",
      subjects=(),
      cameras=(),
      trials=(),
      frame_step=0,
      frames=35_515,
      frames_source="SPIN's rule; the paper says 33,000 and no rule",
      videos=24,
      published=TABLE_3,
    ),
  )
}


class Truth(NamedTuple):
  """What is known of the N people of a protocol; metres, camera frame."""

  keys: tuple[str, ...]
  groups: tuple[str, ...]  # N, what tables list: the action or the sequence
  joints: np.ndarray  # [N, 14, 3] float64; NaN is missing
  weights: np.ndarray  # [N, 14]; 0 is missing
  pelvis: np.ndarray  # [N, 3]; NaN is missing
  joint_set: str  # of the records
  videos: int
  left_out: dict[str, int]  # why, and how many records
  gaps: tuple[str, ...]  # videos in which frames are missing


def readable_records(
  manifest: Manifest, report: Callable[[str], None] = lambda problem: None
) -> Iterator[PersonRecord]:
  """The records of a data set, without those that are damaged.

  Args:
    manifest: of the data set.
    report: called with a line for each damaged record.

  Raises:
    RecordError: if a shard cannot be opened.
    ValueError: if records are of another version.
  """
  for path in manifest.paths():
    reader = ShardReader(path)
    for number in range(len(reader)):
      try:
        data = reader.serialized(number)
      except RecordError as error:
        report(str(error))
        continue
      yield schema.decode(data)


def take_of(record: PersonRecord) -> str:
  """The take of a Human3.6M record: "Directions 1" of its key."""
  parts = record.key.split("/")
  return parts[1] if len(parts) > 2 else record.sequence


def reason_to_leave_out(record: PersonRecord, protocol: Protocol) -> str:
  """Why a record is not of a protocol; empty if it is."""
  if protocol.subjects and record.subject not in protocol.subjects:
    return "other subject"
  if protocol.cameras and record.camera not in protocol.cameras:
    return "other camera"
  if protocol.trials:
    trial = actions.trial(record.subject, take_of(record))
    if trial not in protocol.trials:
      return "other take"
  return ""


def collect(records: Iterable[PersonRecord], protocol: Protocol) -> Truth:
  """The truth of the people of a protocol.

  Raises:
    ValueError: if nobody is of the protocol, keys occur twice, or the records
      have joints of several sets or of one that is not compared.
  """
  kept: list[tuple] = []
  left_out, sets = Counter(), Counter()
  frames: dict[str, list[int]] = defaultdict(list)
  for record in records:
    reason = reason_to_leave_out(record, protocol)
    if not reason and not (record.joint_set and record.joint_weights.any()):
      reason = "no joints"
    if reason:
      left_out[reason] += 1
      continue
    sets[record.joint_set] += 1
    video = "/".join(record.key.split("/")[:-1]) or record.sequence
    if not protocol.frame_step:  # people of one video
      video = record.sequence
    frames[video].append(record.frame)
    points = _compared(record)
    kept.append((record.key, record.sequence, *points))
  if not kept:
    raise ValueError(
      f"{protocol.name}: none of {left_out.total()} records is of the protocol "
      f"({dict(left_out)}); expected {protocol.title}"
    )
  if len(sets) > 1:
    raise ValueError(
      f"{protocol.name}: records have joints of several sets, {dict(sets)}; "
      "expected one: convert the data set again"
    )
  keys, groups, joints, weights, pelvis = zip(*kept, strict=True)
  double = [key for key, count in Counter(keys).items() if count > 1]
  if double:
    raise ValueError(f"{protocol.name}: key {double[0]!r} occurs twice")
  return Truth(
    keys=keys,
    groups=groups,
    joints=np.stack(joints),
    weights=np.stack(weights),
    pelvis=np.stack(pelvis),
    joint_set=next(iter(sets)),
    videos=len(frames),
    left_out=dict(left_out),
    gaps=_gaps(frames, protocol.frame_step),
  )


def _compared(
  record: PersonRecord,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """LSP's joints `[14, 3]`, their weights `[14]` and the pelvis `[3]`."""
  chosen = {
    "h36m_17": compared_joints.lsp_from_h36m,
    "smpl_24": compared_joints.lsp_from_smpl,
  }.get(record.joint_set)
  if chosen is None:
    raise ValueError(
      f"record {record.key}: joints are of {record.joint_set!r}, expected "
      "h36m_17 or smpl_24"
    )
  weights = record.joint_weights.astype(np.float64)
  joints = record.joints.astype(np.float64)
  joints[weights == 0.0] = np.nan
  pelvis = joint_sets.NAMES[record.joint_set].index("pelvis")
  return chosen(joints), chosen(weights[:, None])[:, 0], joints[pelvis]


def _gaps(frames: dict[str, list[int]], step: int) -> tuple[str, ...]:
  """Videos in which frames are missing, in words."""
  if not step:
    return ()
  found = []
  for video, numbers in frames.items():
    expected = range(0, max(numbers) + 1, step)
    missing = sorted(set(expected) - set(numbers))
    if missing:
      found.append(
        f"{video}: {len(missing)} of {len(expected)} frames are missing, the "
        f"first is {missing[0]}"
      )
    if odd := set(numbers) - set(expected):
      found.append(
        f"{video}: {len(odd)} frames are not every {step}th, the first is "
        f"{min(odd)}"
      )
  return tuple(found)
