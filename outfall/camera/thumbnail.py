"""How is a picture from outside made small without letting it take the machine: in a child with limits, or not at all."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

from outfall.camera.exif import MAX_PIXELS
from outfall.errors import ReadError

__all__ = ["make_thumbnail"]

_MAX_BYTES = 300_000_000
_FORMATS = ("JPEG", "TIFF", "PNG")
_CHILD = """
import sys
memory, seconds, edge = (int(part) for part in sys.argv[3:6])
try:
    import resource
except ImportError:
    pass
else:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000_000, 20_000_000))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from PIL import Image
Image.MAX_IMAGE_PIXELS = None
with Image.open(sys.argv[1], formats=("JPEG", "TIFF", "PNG")) as image:
    image.draft("RGB", (edge, edge))
    image.thumbnail((edge, edge))
    image.convert("RGB").save(sys.argv[2], format="JPEG", quality=80)
"""


def make_thumbnail(
    photo: Path | str,
    target: Path | str,
    *,
    edge_px: int = 320,
    max_pixels: int = MAX_PIXELS,
    memory_mb: int = 1024,
    timeout_s: float = 20.0,
) -> Path:
    """Return the path of a small JPEG of a photo, without its metadata.

    The header is looked at first; the picture is then decoded in a child process that may use no more memory and
    time than it is given (limits need a POSIX system; elsewhere only the time is limited).

    Parameters
    ----------
    photo : path
        JPEG, TIFF or PNG.
    target : path
        The JPEG to write.
    edge_px : int, pixels, default 320
        Longest side.
    max_pixels : int, pixels, default 100 million
        Pictures that claim more are refused by their header.
    memory_mb : int, default 1024
        Address space of the child.
    timeout_s : float, seconds, default 20
        Time of the child.

    Returns
    -------
    path

    Raises
    ------
    ReadError
        The photo is missing, no picture, too large, damaged, or needs more memory or time than it may use.

    Examples
    --------
    >>> make_thumbnail("none.jpg", "small.jpg")
    Traceback (most recent call last):
    ...
    outfall.errors.ReadError: none.jpg: no such photo
    """
    file, small = Path(photo), Path(target)
    _check_header(file, max_pixels)
    partial = small.with_name(small.name + ".part")
    limits = [str(memory_mb * 1_000_000), str(max(1, int(timeout_s))), str(edge_px)]
    command = [sys.executable, "-I", "-c", _CHILD, str(file.resolve()), str(partial.resolve()), *limits]
    try:
        child = subprocess.run(command, capture_output=True, timeout=timeout_s, check=False)  # noqa: S603 - our own interpreter, arguments as a list
        if child.returncode == 0 and partial.exists():
            return partial.replace(small)
        said = child.stderr.decode("utf-8", "replace").strip().splitlines()
        why = said[-1] if said else f"the decoder ended with {child.returncode}"
    except subprocess.TimeoutExpired:
        why = f"decoding took more than {timeout_s:g} s"
    except OSError as error:
        why = str(error)
    finally:
        partial.unlink(missing_ok=True)
    msg = f"{file}: no thumbnail: {why}; {memory_mb} MB and {timeout_s:g} s were allowed"
    raise ReadError(msg)


def _check_header(file: Path, max_pixels: int) -> None:
    from PIL import Image

    if not file.is_file():
        msg = f"{file}: no such photo"
        raise ReadError(msg)
    if file.stat().st_size > _MAX_BYTES:
        msg = f"{file}: {file.stat().st_size / 1e6:,.0f} MB; photos have at most {_MAX_BYTES / 1e6:.0f}"
        raise ReadError(msg)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(file, formats=_FORMATS) as image:
                width, height = image.size
    except Image.DecompressionBombError as error:
        msg = f"{file}: claims more than {max_pixels / 1e6:.0f} million pixels; it is not decoded"
        raise ReadError(msg) from error
    except Exception as error:  # Pillow raises a dozen unrelated classes for one situation: a damaged file
        msg = f"{file}: is not a JPEG, TIFF or PNG picture, or is damaged ({error})"
        raise ReadError(msg) from error
    if width * height > max_pixels:
        msg = f"{file}: claims {width} x {height} pixels, above {max_pixels / 1e6:.0f} million; raise max_pixels if it is real"
        raise ReadError(msg)
