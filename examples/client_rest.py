"""Asks a TensorFlow Serving over REST what is in some images; the request needs Python's standard library alone.

    python examples/client_rest.py http://localhost:8501/v1/models/cells photo.jpg other.png
    python examples/client_rest.py http://localhost:8501/v1/models/cells photo.jpg --draw drawn/

Prints one JSON object an image. --draw draws the boxes as well, and needs OpenCV (opencv-python-headless).
"""

import argparse
import base64
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path


def detect(url: str, images: list[bytes], timeout: float = 60) -> list[dict]:
    """The server's answer for each encoded image: detection_boxes and the other outputs, by name.

    Raises ValueError with the server's message, or why there is none.
    """
    body = {"instances": [{"image_bytes": {"b64": base64.b64encode(image).decode("ascii")}} for image in images]}
    request = urllib.request.Request(f"{url.rstrip('/')}:predict", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.load(answer)["predictions"]
    except urllib.error.HTTPError as error:  # the server's own message, such as which image is corrupt
        text = error.read().decode("utf-8", "replace")
        try:
            text = json.loads(text)["error"]
        except (ValueError, KeyError, TypeError):
            text = text.strip() or str(error)
        raise ValueError(f"{url}: {text}") from error
    except urllib.error.URLError as error:
        raise ValueError(f"{url}: {error.reason}") from error


def objects(answer: dict, score: float = 0.5) -> list[dict]:
    """Detections that score at least so much; box: xmin, ymin, xmax, ymax in pixels of the upright image."""
    height, width = answer["image_size"]
    found = []
    for index in range(int(answer["num_detections"])):
        if answer["detection_scores"][index] >= score:
            ymin, xmin, ymax, xmax = answer["detection_boxes"][index]
            found.append({"name": answer["detection_class_names"][index],
                          "class": int(answer["detection_classes"][index]),
                          "score": answer["detection_scores"][index],
                          "box": [xmin * width, ymin * height, xmax * width, ymax * height]})
    return found


def draw(path: Path, found: list[dict], out: Path) -> None:
    """Draws boxes and names, on the picture that its EXIF orientation makes upright, as the server has it."""
    import cv2

    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path}: OpenCV cannot read it to draw on")
    for one in found:
        left, top, right, bottom = (round(side) for side in one["box"])
        cv2.rectangle(image, (left, top), (right, bottom), (0, 160, 0), 2)
        cv2.putText(image, f"{one['name']} {one['score']:.2f}", (left, max(12, top - 4)), cv2.FONT_HERSHEY_SIMPLEX, 0.5,
                    (0, 160, 0), 1, cv2.LINE_AA)
    if not cv2.imwrite(str(out), image):
        raise ValueError(f"{out}: cannot be written")


def main(argv=None) -> int:
    """Asks the server, prints what it finds; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="http://HOST:8501/v1/models/NAME, or .../NAME/versions/N")
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE")
    parser.add_argument("--score", type=float, default=0.5, help="leave out what scores less (default %(default)s)")
    parser.add_argument("--draw", type=Path, metavar="DIR", help="also write the images with boxes there, as PNG")
    args = parser.parse_args(argv)
    try:
        answers = detect(args.url, [path.read_bytes() for path in args.images])
        for path, answer in zip(args.images, answers, strict=True):
            found = objects(answer, args.score)
            print(json.dumps({"file": str(path), "image_size": answer["image_size"], "objects": found},
                             ensure_ascii=False))
            if args.draw:
                args.draw.mkdir(parents=True, exist_ok=True)
                draw(path, found, args.draw / f"{path.stem}.png")
    except (OSError, ValueError, ImportError) as error:
        print(f"client_rest: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
