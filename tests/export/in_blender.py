"""Opens exported files in Blender, and compares their joints with the JSON.

Blender is no requirement of the project: this runs in an environment of its
own (pip install bpy==4.5.15 numpy), with files that were written before:

  hund reconstruct photo.jpg -o out \\
    --save=rigged,descent,usd,usd_descent,bvh,json
  python tests/export/in_blender.py out/photo [picture.jpg]

It prints what Blender makes of each file, renders a picture if one is named,
and exits with 1 if a joint is off by more than 0.1 mm.
"""

import json
import math
import sys
from pathlib import Path

import bpy
import numpy as np

_LIMIT = 1e-4  # metres
_FILES = {
  "_rigged.glb": bpy.ops.import_scene.gltf,
  "_descent.glb": bpy.ops.import_scene.gltf,
  ".usdc": bpy.ops.wm.usd_import,
  "_descent.usdc": bpy.ops.wm.usd_import,
  "_0.bvh": bpy.ops.import_anim.bvh,
}


def _opened(path: Path, read) -> None:
  """A scene of what is in a file, at the end of its motion."""
  bpy.ops.wm.read_factory_settings(use_empty=True)
  read(filepath=str(path))
  ends = [action.frame_range[1] for action in bpy.data.actions]
  bpy.context.scene.frame_set(round(max(ends, default=0)))
  bpy.context.view_layer.update()


def _objects(kind: str) -> list:
  return [found for found in bpy.data.objects if found.type == kind]


def _worst(armature, names, joints) -> float:
  """The largest distance of a bone's head from its joint, metres."""
  heads = [
    (armature.matrix_world @ armature.pose.bones[name].matrix).translation
    for name in names
  ]
  return float(np.linalg.norm(np.array(heads) - joints, axis=1).max())


def _told(label: str, worst: float) -> None:
  print(f"{label}: joints within {1e3 * worst:.4f} mm")
  for mesh in _objects("MESH"):
    keys = mesh.data.shape_keys
    count = len(keys.key_blocks) - 1 if keys else 0
    print(f"  {mesh.name}: {len(mesh.data.vertices)} vertices, {count} keys")
  for found in _objects("CAMERA"):
    up = math.degrees(found.data.angle_y)
    print(f"  {found.name}: vertical field of view {up:.3f} degrees")


def _render(path: Path) -> None:
  """A picture from the right of the photo's camera, a little above."""
  scene = bpy.context.scene
  (camera,) = _objects("CAMERA")
  (armature, *_) = _objects("ARMATURE")
  heads = [armature.matrix_world @ b.head for b in armature.pose.bones]
  middle = sum(heads[1:], heads[0]) / len(heads)
  away = math.radians(25.0)
  turned = middle.copy()
  turned.x = middle.x + math.sin(away) * middle.y
  turned.y = middle.y * (1.0 - math.cos(away))
  turned.z = middle.z + 0.1 * middle.y
  camera.location = turned
  camera.rotation_mode = "QUATERNION"
  camera.rotation_quaternion = (middle - turned).to_track_quat("-Z", "Y")
  sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
  sun.data.energy = 3.0
  sun.rotation_euler = (0.8, 0.3, 0.5)
  scene.collection.objects.link(sun)
  scene.world = bpy.data.worlds.new("grey")
  scene.camera = camera
  scene.render.engine = "CYCLES"
  scene.cycles.samples = 32
  scene.cycles.device = "CPU"
  scene.view_settings.view_transform = "Standard"
  scene.render.resolution_x = scene.render.resolution_y = 480
  scene.render.image_settings.file_format = "JPEG"
  scene.render.image_settings.quality = 80
  scene.render.filepath = str(path)
  bpy.ops.render.render(write_still=True)


def main(stem: str, picture: str | None = None) -> int:
  with open(f"{stem}.json", encoding="utf-8") as file:
    report = json.load(file)
  x, y, z = np.transpose(report["people"][0]["joints"]["positions"])
  joints = np.stack([x, z, -y], axis=1)  # Blender's z is up
  print(f"Blender {bpy.app.version_string}")
  failed = False
  for ending, read in _FILES.items():
    _opened(Path(stem + ending), read)
    (armature, *_) = _objects("ARMATURE")
    worst = _worst(armature, report["joint_names"], joints)
    _told(ending, worst)
    failed |= worst > _LIMIT
  if picture is not None:
    _opened(Path(f"{stem}_rigged.glb"), bpy.ops.import_scene.gltf)
    _render(Path(picture).absolute())
  return int(failed)


if __name__ == "__main__":
  sys.exit(main(*sys.argv[1:]))
