"""Videos of few small frames, each of one grey that tells its number."""

import os
import struct

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # FFmpeg reads it once: before the first video that a test writes

import cv2
import numpy as np

CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".avi": "MJPG", ".mkv": "mp4v", ".ts": "mp4v", ".mjpeg": "MJPG"}
STEP = 12  # of grey from frame to frame


def grey(number, height=48, width=64):
    return np.full((height, width, 3), STEP * number, np.uint8)


def write_video(path, frames, fps=10):
    """frames: a number of grey ones, or arrays (H, W, 3) RGB."""
    frames = [grey(number) for number in range(frames)] if isinstance(frames, int) else frames
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*CODECS[path.suffix]), fps, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path


def turned(path, clockwise):
    """The MP4 as a phone held upright writes it: with a matrix that turns the frames by 90 or 180 degrees."""
    turns = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[clockwise]
    a, b, c, d = (65536 * turn for turn in turns)
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 44
    data[place:place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def index_first(path):
    """The MP4 with its index in front of its frames, as those that are sent over a network: cut off it still opens."""
    data = path.read_bytes()
    boxes, offset = [], 0
    while offset < len(data):
        size, kind = struct.unpack_from(">I4s", data, offset)
        boxes.append((kind, data[offset:offset + size]))
        offset += size
    (moov,) = [bytearray(box) for kind, box in boxes if kind == b"moov"]
    place = moov.index(b"stco") + 8
    for number in range(struct.unpack_from(">I", moov, place)[0]):
        at = place + 4 + 4 * number
        struct.pack_into(">I", moov, at, struct.unpack_from(">I", moov, at)[0] + len(moov))
    path.write_bytes(b"".join([boxes[0][1], bytes(moov), *(box for kind, box in boxes[1:] if kind != b"moov")]))
    return path


def read_video(path):
    """(fps, frames as (H, W, 3) RGB)."""
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (one := capture.read())[0]:
        frames.append(one[1][..., ::-1])
    return capture.get(cv2.CAP_PROP_FPS), frames
