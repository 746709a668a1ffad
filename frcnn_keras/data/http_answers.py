"""What an address gives over HTTP that OpenCV would not read well: cameras' JPEGs, and video files of simple servers.

IP cameras and ESP32 send JPEG after JPEG (multipart/x-mixed-replace). Read here, frames come as they were sent, and one
that breaks off is told from an end. A server that sends no parts of files (Python's http.server) gives FFmpeg no frame
of an MP4 whose index stands at its end: such a file is fetched first.
"""

import base64
import http.client
import shutil
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import weakref
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from frcnn_keras.data.picture_stream import Bytes, pictures_in
from frcnn_keras.data.video_kinds import VIDEO_SUFFIXES
from frcnn_keras.errors import InputError

_PATIENCE = 20  # seconds for an answer, and for more of one


class Fetched:
    """A video file of a server, in a temporary folder that goes with this object."""

    def __init__(self, answer: http.client.HTTPResponse, suffix: str):
        folder = tempfile.mkdtemp()
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.path = Path(folder, f"fetched{suffix}")
        with answer, open(self.path, "wb") as file:
            shutil.copyfileobj(answer, file)


def answered(address: str, name: str) -> Iterator[bytes] | Fetched | None:
    """The encoded pictures that an address sends, or the video file; None where OpenCV is to open it.

    name: what messages call it. InputError: it cannot be opened; while pictures are read: it breaks off.
    """
    parts = urllib.parse.urlsplit(address)
    answer = _opened(parts, name)
    if answer is None:
        return None
    several = answer.headers.get_content_type() == "multipart/x-mixed-replace"
    if several or answer.headers.get_content_maintype() == "image":
        return _sent(answer, name, several)
    suffix = PurePosixPath(parts.path).suffix.lower()
    whole = answer.length and answer.headers.get("Accept-Ranges", "none") == "none" and suffix in VIDEO_SUFFIXES
    if not whole:
        answer.close()
        return None
    try:
        return Fetched(answer, suffix)
    except (OSError, http.client.HTTPException) as error:
        raise InputError(f"{name}: broke off ({error})") from error


def _opened(parts: urllib.parse.SplitResult, name: str) -> http.client.HTTPResponse | None:
    """None where it asks for another way to sign in, of which FFmpeg knows more."""
    request = urllib.request.Request(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl())
    if parts.username:
        user = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        request.add_header("Authorization", f"Basic {base64.b64encode(user.encode()).decode()}")
    try:
        return urllib.request.urlopen(request, timeout=_PATIENCE)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 401:
            return None
        raise InputError(f"{name}: the server answers {error.code} ({error.reason}); check the address") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise InputError(f"{name}: cannot be opened ({getattr(error, 'reason', error)}); check the address, and that "
                         "the network reaches it") from error


def _sent(answer: http.client.HTTPResponse, name: str, several: bool) -> Iterator[bytes]:
    with answer:
        try:
            yield from pictures_in(Bytes(answer, name), between=several)
        except http.client.HTTPException as error:
            raise InputError(f"{name}: broke off ({type(error).__name__})") from error
