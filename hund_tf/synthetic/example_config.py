"""Settings of synthetic examples: who is shown, and what is known of them."""

import dataclasses

from hund_tf.options import check, option
from hund_tf.records.crop_jitter import CropJitter
from hund_tf.synthetic.detector_noise import DetectorNoiseConfig
from hund_tf.synthetic.scenes import SceneConfig


@dataclasses.dataclass(frozen=True)
class SyntheticConfig:
  """Distribution of the synthetic examples; shares are in [0, 1]."""

  scene: SceneConfig = SceneConfig()
  noise: DetectorNoiseConfig = DetectorNoiseConfig()  # scale 0: clean targets
  mesh: str = "proxy_1500"
  render_parts: bool = True  # if not, nothing of B is known
  # Share of people whose keypoints are as if annotated: all of those in the
  # photo, hidden ones too, without errors or doubt.
  annotated: float = option(
    0.0,
    "Share of people in training whose keypoints are all known without error, "
    "hidden ones too, as annotated ones are.",
    name="annotated_people",
    low=0.0,
    high=1.0,
  )
  # To learn how K and B mend each other. With 1 nothing in B is mistaken.
  mendable_errors: float = option(
    1.0,
    "Factor, in training, of what detectors lose or take for another thing "
    "where all part maps are known: in K of two thirds of the people, in B of "
    "the others.",
    low=0.0,
  )
  full_parts: float = option(
    0.25,
    "Share of examples whose part maps are all known.",
    low=0.0,
    high=1.0,
  )
  no_parts: float = option(
    0.15,
    "Share of examples without part maps and foreground; the rest knows the "
    "foreground only.",
    low=0.0,
    high=1.0,
  )
  pose_set_share: float = option(
    0.0,
    "Share of people in training who are of the named sets of poses "
    "(docs/pose_sets.md).",
    low=0.0,
    high=1.0,
  )
  box_from_mask: float = 0.5  # share of boxes around the silhouette as well
  jitter: CropJitter = CropJitter()

  def __post_init__(self):
    check(self)
    if self.full_parts + self.no_parts > 1.0:
      raise ValueError(
        f"full_parts + no_parts: got {self.full_parts} + {self.no_parts}, "
        "expected at most 1"
      )

  def captured_only(self) -> "SyntheticConfig":
    """The same to measure by: captured poses, usual errors, nobody annotated.

    Without people of the named sets, which have protocols of their own.
    """
    scene = dataclasses.replace(
      self.scene,
      flow_poses=0.0,
      perturbed_poses=0.0,
      interpolated_poses=0.0,
      any_orientation=SceneConfig().any_orientation,
      steep_views=0.0,
    )
    return dataclasses.replace(
      self,
      scene=scene,
      annotated=0.0,
      mendable_errors=1.0,
      pose_set_share=0.0,
    )

  def whole_people(self, focal: float | None = None) -> "SyntheticConfig":
    """The same with people who are not cut by the border of the photo.

    Args:
      focal: focal length of all photos, in larger sides; by default as before.
    """
    scene = dataclasses.replace(self.scene, close_ups=0.0, cut=0.0)
    if focal is not None:
      scene = dataclasses.replace(
        scene, default_focal=0.0, focal_range=(focal, focal)
      )
    return dataclasses.replace(self, scene=scene)

  def without_noise(self) -> "SyntheticConfig":
    """The same with detectors that make no errors."""
    noise = dataclasses.replace(self.noise, scale=0.0)
    return dataclasses.replace(self, noise=noise)
