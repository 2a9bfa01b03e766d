"""No room is an attic, and few rooms know of each other."""

from tests.project import source_tree

_LARGEST_SHARE = 0.12  # Of all lines of hund_tf, flags and tools.
_ARROWS_SHARE = 0.58  # Of all pairs of rooms, one of which imports the other.


def test_no_room_holds_too_much():
  lines = {
    name: sum(len(p.read_bytes().splitlines()) for p in files)
    for name, files in source_tree.room_files().items()
  }
  shares = {name: count / sum(lines.values()) for name, count in lines.items()}
  large = {n: f"{s:.1%}" for n, s in shares.items() if s > _LARGEST_SHARE}
  assert not large, f"rooms with over {_LARGEST_SHARE:.0%} of lines: {large}"


def test_few_rooms_know_of_each_other():
  used = source_tree.room_imports()
  pairs = len(used) * (len(used) - 1) // 2
  arrows = {frozenset((name, u)) for name in used for u in used[name]}
  share = len(arrows) / pairs
  by_room = {n: sum(n in arrow for arrow in arrows) for n in used}
  assert share <= _ARROWS_SHARE, (
    f"{len(arrows)} of {pairs} pairs of rooms ({share:.1%}) have an arrow, "
    f"over {_ARROWS_SHARE:.0%}; by room: {by_room}"
  )
