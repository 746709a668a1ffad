"""Files and folders: written whole or not at all, told from what others made, used by one command at a time; JSON."""

from frcnn_keras.files.stored import fingerprint, read_json, read_sealed, seal, to_json, write_json
from frcnn_keras.files.whole import whole_file, write_whole

__all__ = ["fingerprint", "read_json", "read_sealed", "seal", "to_json", "whole_file", "write_json", "write_whole"]
