"""What a camera makes of light: exposure, blur, noise, compression."""

import dataclasses

import cv2
import numpy as np

from hund_tf.synthetic.images import colors


@dataclasses.dataclass(frozen=True)
class CameraConfig:
  """How bad photos are; shares are in [0, 1]."""

  motion_blur: float = 0.15  # share of photos
  blur_length: float = 0.03  # at most, sides of the image
  low_resolution: float = 0.4  # share of photos of a distant person
  least_side: float = 80.0  # pixels of the image before it is enlarged
  noise: float = 0.035  # at most, of white
  jpeg_quality: tuple[int, int] = (40, 95)


def develop(
  random: np.random.Generator, linear: np.ndarray, config: CameraConfig
) -> np.ndarray:
  """A photo of what is in front of the camera.

  Args:
    random: stream.
    linear: [H, H, 3] float32 linear RGB.
    config: errors.

  Returns:
    [H, H, 3] uint8 sRGB.
  """
  side = len(linear)
  image = _blurred(random, linear, config)
  # Automatic exposure, with an error.
  exposure = 0.24 / max(float(image.mean()), 1e-3)
  exposure = exposure ** random.uniform(0.3, 0.9) * np.exp(
    random.normal(0, 0.2)
  )
  balance = np.exp(random.normal(0.0, 0.07, 3))
  balance /= balance.mean()
  image = image * (exposure * balance).astype(np.float32)
  if random.random() < 0.3:
    image *= _vignette(random, side)
  small = side
  if random.random() < config.low_resolution:
    lowest = min(config.least_side, side)
    small = int(np.exp(random.uniform(np.log(lowest), np.log(side))))
    image = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
  strength = config.noise * random.uniform(0.0, 1.0) ** 2
  grain = random.standard_normal(image.shape, np.float32)
  image = np.maximum(image, 0.0)
  image += grain * (strength * np.sqrt(image + 0.01))
  srgb = colors.to_srgb(image)
  contrast = random.uniform(0.8, 1.2)
  srgb = (srgb - 127.5) * np.float32(contrast) + 127.5
  if random.random() < 0.06:
    srgb = np.repeat(srgb.mean(axis=2, keepdims=True), 3, axis=2)
  if small != side:
    srgb = cv2.resize(srgb, (side, side), interpolation=cv2.INTER_LINEAR)
  return np.clip(np.round(srgb), 0, 255).astype(np.uint8)


def encode_jpeg(
  random: np.random.Generator, image: np.ndarray, config: CameraConfig
) -> bytes:
  """The picture [H, W, 3] uint8 as JPEG of a random quality."""
  low, high = config.jpeg_quality
  quality = int(random.integers(low, high + 1))
  options = [cv2.IMWRITE_JPEG_QUALITY, quality]
  done, data = cv2.imencode(".jpg", image[..., ::-1], options)
  if not done:
    raise ValueError(f"image of shape {image.shape}: cannot be encoded as JPEG")
  return data.tobytes()


def _blurred(random, linear, config) -> np.ndarray:
  """Motion of the camera, and focus."""
  side = len(linear)
  if random.random() < config.motion_blur:
    length = int(side * random.uniform(0.005, config.blur_length)) | 1
    if length > 1:
      kernel = np.zeros((length, length), np.float32)
      angle = random.uniform(0, np.pi)
      half = (length - 1) / 2
      step = np.array([np.cos(angle), np.sin(angle)]) * half
      ends = [
        tuple(np.round(half + s * step).astype(int).tolist()) for s in (-1, 1)
      ]
      cv2.line(kernel, *ends, 1.0)
      linear = cv2.filter2D(linear, -1, kernel / kernel.sum())
  if random.random() < 0.3:
    spread = random.uniform(0.4, max(side / 300, 0.5))
    linear = cv2.GaussianBlur(linear, (0, 0), spread)
  return linear


def _vignette(random, side) -> np.ndarray:
  """Darker corners, [side, side, 1]."""
  x = np.linspace(-1, 1, side, dtype=np.float32)
  squared = x[:, None] ** 2 + x[None] ** 2
  return (1.0 - np.float32(random.uniform(0.0, 0.25)) * squared)[..., None]
