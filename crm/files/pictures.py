"""Photos and scans, drawn anew: no EXIF, no place where they were taken, nothing hidden inside."""

import io
import struct
import zlib
from threading import Lock

from crm.base.errors import Refused
from crm.files.kinds import FileKind

MOST_PIXELS = 50_000_000  # 8160 × 6120, as phones take them; drawn, that takes 150 MB
_QUALITY = 90
_FORMATS = {FileKind.JPEG: "JPEG", FileKind.PNG: "PNG"}
_PLAIN = {FileKind.JPEG: ("L", "RGB"), FileKind.PNG: ("1", "L", "LA", "P", "RGB", "RGBA")}
_drawing = Lock()  # one at a time in a process: they take the most memory


def redrawn(content: bytes, kind: FileKind) -> bytes:
    """The picture drawn anew and upright; refused as `upload_too_many_pixels`, `upload_damaged`."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - only those who upload need it

    Image.MAX_IMAGE_PIXELS = None  # ours is checked below, before anything is decoded
    try:
        with Image.open(io.BytesIO(content), formats=[_FORMATS[kind]]) as picture:
            size: tuple[int, int] = picture.size
            if size[0] * size[1] > MOST_PIXELS:
                raise Refused(
                    "upload_too_many_pixels",
                    width=size[0],
                    height=size[1],
                    most=MOST_PIXELS // 10_000,
                )
            with _drawing:
                return _drawn(picture, kind)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise Refused("upload_damaged") from error
    except (struct.error, zlib.error, LookupError, TypeError, OverflowError) as error:
        raise Refused("upload_damaged") from error


def _drawn(picture: object, kind: FileKind) -> bytes:
    from PIL import Image, ImageOps  # noqa: PLC0415 - as above

    assert isinstance(picture, Image.Image)  # noqa: S101 - for the type checker
    picture.load()
    ImageOps.exif_transpose(picture, in_place=True)
    plain = picture if picture.mode in _PLAIN[kind] else picture.convert("RGB")

    drawn = io.BytesIO()
    bare = {"exif": b"", "icc_profile": None}
    if kind is FileKind.JPEG:
        plain.save(drawn, "JPEG", quality=_QUALITY, comment=b"", **bare)
    else:
        plain.info = {key: plain.info[key] for key in ("transparency",) if key in plain.info}
        plain.save(drawn, "PNG", **bare)
    return drawn.getvalue()
