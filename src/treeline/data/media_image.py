"""One image file as pixels: always the same conversion, in training and in prediction.

Turned as EXIF says, 16 bits scaled to 8, palettes resolved, transparent parts over white, CMYK to RGB, the first frame or page;
then resized plainly (aspect ratios are not kept) with an antialiasing filter unless it has the size already.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import numpy as np

from treeline.data.open_file import sort_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from treeline.problem.metric import Array

__all__ = ["MAX_PIXELS", "Unreadable", "look", "pixels"]

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
MAX_PIXELS = 50_000_000
ORIENTATION = 0x0112
GREY = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N")


class Unreadable(Exception):
    """A file that cannot be decoded: `reason` is the same for all of the sort, `detail` is for this one."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """`detail` continues the file's name in a sentence."""
        self.reason, self.detail = reason, detail or reason
        super().__init__(self.detail)


def look(stream: IO[bytes]) -> dict[str, Any]:
    """Return `size` [height, width] as it will be after turning, and whether it is `grey`; no pixel is decoded.

    Raises:
        Unreadable: it is no such image, or has too many pixels.
    """
    image = _opened(stream)
    width, height = image.size
    if image.format in ("JPEG", "MPO", "TIFF", "WEBP") and image.getexif().get(ORIENTATION, 1) >= 5:
        width, height = height, width
    return {"size": [height, width], "grey": image.mode in GREY}


def pixels(stream: IO[bytes], size: tuple[int, int, int]) -> tuple[Array, list[str]]:
    """Return the image (H, W, C) uint8, and words for what was done to it.

    Args:
        stream: the file.
        size: H, W and C, which is 1 (grey) or 3 (RGB).

    Raises:
        Unreadable: it is no such image, is damaged, or has too many pixels.
    """
    from PIL import Image, ImageOps

    image, done = _opened(stream), []
    height, width, channels = size
    if getattr(image, "is_animated", False):
        done.append("first frame or page taken")
    if image.format in ("JPEG", "MPO"):
        image.draft(
            None, (2 * max(height, width), 2 * max(height, width))
        )  # decodes a large photo at a fraction of its size
    image.load()
    if image.getexif().get(ORIENTATION, 1) > 1:
        image = ImageOps.exif_transpose(image)
        done.append("turned as EXIF says")
    if image.mode.startswith("I"):
        values = np.clip(np.asarray(image).astype(np.int32), 0, 65535)
        image = Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))
        done.append("16 bits scaled to 8")
    elif image.mode == "F":
        raise Unreadable("pixels are fractions without a known range")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        image = white.convert("RGB")
        done.append("transparency over white")
    if image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if image.mode != ("L" if channels == 1 else "RGB"):
        image = image.convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
        done.append("resized")
    return np.asarray(image, dtype=np.uint8).reshape(size), done


def _opened(stream: IO[bytes]) -> Image:
    """Open an image of an allowed format; only its header is read."""
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # our own limit below is an error, not a warning
    try:
        image = Image.open(stream, formats=FORMATS)
    except UnidentifiedImageError:
        stream.seek(0)
        head = stream.read(4096)
        if not head:
            raise Unreadable("empty file", "is empty") from None
        sort = sort_of(head)
        what = {
            "text": f"no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} that can be read",
            "an image": "an image with a damaged header",
        }
        raise Unreadable("no readable image", f"holds {what.get(sort, sort)}") from None
    if image.width * image.height > MAX_PIXELS:
        told = f"has {image.width} x {image.height} pixels, more than {MAX_PIXELS // 10**6} million"
        raise Unreadable("too many pixels", told)
    return image
