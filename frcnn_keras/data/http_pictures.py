"""Cameras that send JPEG after JPEG over HTTP (multipart/x-mixed-replace, as IP cameras and ESP32 do).

Read here and not by OpenCV: its frames come as they were sent, and a frame that breaks off is told from an end.
"""

import base64
import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

from frcnn_keras.data.picture_stream import Bytes, pictures_in
from frcnn_keras.errors import InputError

_PATIENCE = 20  # seconds for an answer, and for more of one


def http_pictures(address: str, name: str) -> Iterator[bytes] | None:
    """The encoded pictures that an address sends; None where it sends something else, or is not for us to open.

    name: what messages call it. InputError, while they are read: it breaks off.
    """
    parts = urllib.parse.urlsplit(address)
    request = urllib.request.Request(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl())
    if parts.username:
        user = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        request.add_header("Authorization", f"Basic {base64.b64encode(user.encode()).decode()}")
    try:
        answer = urllib.request.urlopen(request, timeout=_PATIENCE)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 401:  # another way to sign in, of which FFmpeg knows more
            return None
        raise InputError(f"{name}: the server answers {error.code} ({error.reason}); check the address") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise InputError(f"{name}: cannot be opened ({reason}); check the address, and that the network reaches "
                         "it") from error
    several = answer.headers.get_content_type() == "multipart/x-mixed-replace"
    if not several and answer.headers.get_content_maintype() != "image":
        answer.close()
        return None
    return _sent(answer, name, several)


def _sent(answer: http.client.HTTPResponse, name: str, several: bool) -> Iterator[bytes]:
    with answer:
        try:
            yield from pictures_in(Bytes(answer, name), between=several)
        except http.client.HTTPException as error:
            raise InputError(f"{name}: broke off ({type(error).__name__})") from error
