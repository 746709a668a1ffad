"""Flags of the benchmarks that train on a data set of yours."""

import argparse


def training_parser(name: str, description: str) -> argparse.ArgumentParser:
    """The parser of `python -m benchmarks.NAME`: a Pascal VOC folder, a backbone, seeds."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voc", required=True, metavar="DIR", help="Pascal VOC folder")
    parser.add_argument("--split", default="trainval", help="images to train on (default trainval)")
    parser.add_argument("--test-split", default="test", help="images to score on (default test)")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--backbone-weights", required=True, metavar="FILE")
    parser.add_argument("--seeds", default="0", help="comma-separated (default 0)")
    return parser
