"""A sheet of the named sets of poses: bodies, seats and desks."""

import numpy as np
from PIL import Image, ImageDraw

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.rendering.shading import Mesh, render_meshes
from hund_tf.synthetic import pose_sets, solids, supports
from hund_tf.synthetic.pose_sets import PoseSets
from hund_tf.types import EXPRESSION_DIM, HAND_POSE_DIM, Intrinsics

_CELL, _TITLE = 112, 110  # pixels
_DISTANCE = 4.0  # metres from the camera to the pelvis
_FOCAL = 185.0  # pixels
_SKIN, _WOOD = (0.87, 0.72, 0.62), (0.66, 0.56, 0.45)
_MESH = "lite"


def draw(
  body_model: BodyModel, sets: PoseSets, people: int, seed: int
) -> np.ndarray:
  """A row for each set, with its name.

  Args:
    body_model: the body.
    sets: draws the people.
    people: of each set.
    seed: of the people.

  Returns:
    `[H, W, 3]` uint8.
  """
  rows = []
  for number, name in enumerate(pose_sets.NAMES):
    title = Image.new("RGB", (_TITLE, _CELL), (255, 255, 255))
    ImageDraw.Draw(title).text((6, _CELL // 2), name, (0, 0, 0))
    draws = Draws(seed, number)
    found = _row(draws, body_model, sets, number, people)
    rows.append(np.concatenate([np.asarray(title), *found], axis=1))
  return np.concatenate(rows, axis=0)


def _row(draws, body_model, sets, number, count) -> list[np.ndarray]:
  """Pictures of people of a set."""
  people = sets.sample(draws, tf.fill([count], number))
  hands = tf.zeros([count, HAND_POSE_DIM])
  body = body_model.pose(
    body_model.pose_prior.decode(people.body_pose, hands, hands),
    tf.where(people.built[:, None], people.shape, 0.0),
    tf.zeros([count, EXPRESSION_DIM]),
    people.rotation,
    tf.tile([[0.0, 0.0, _DISTANCE]], [count, 1]),
    _MESH,
  )
  things = supports.place(
    draws, people, body.vertices, body_model.part_labels(_MESH)
  )
  faces = body_model.faces(_MESH)
  pictures = []
  for person in range(count):
    vertices = body.vertices[person].numpy()
    meshes = [Mesh(vertices, faces, np.array(_SKIN))]
    for box in range(supports.COUNT):
      if solids.exist(things)[person, box]:
        corners = solids.corners(things)[person, box].numpy()
        # Every face has corners of its own, so that edges are sharp.
        own = corners[solids.FACES].reshape(-1, 3)
        triangles = np.arange(len(own)).reshape(-1, 3)
        meshes.append(Mesh(own, triangles, np.array(_WOOD)))
    middle = (vertices.min(0) + vertices.max(0))[:2] / 2.0
    center = _CELL / 2.0 - _FOCAL * middle / _DISTANCE
    camera = Intrinsics(np.full(2, _FOCAL), center)
    pictures.append(render_meshes(meshes, camera, _CELL, _CELL))
  return pictures
