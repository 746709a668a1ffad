"""Where the pictures of findings are: an evaluation records their names below the data set's folder."""

from pathlib import Path

from frcnn_keras.data.image_paths import ImageFolder
from frcnn_keras.errors import InputError


class Pictures:
    """The picture files of findings: below a folder, or as their names are recorded."""

    def __init__(self, folder: str | Path | None = None):
        """Raises InputError where the folder is not there."""
        if folder is not None and not Path(folder).is_dir():
            raise InputError(f"{folder}: there is no such folder of pictures; give another --images")
        self._folder = ImageFolder(folder) if folder is not None else None

    def path_of(self, file: str) -> Path | None:
        """Where a picture is; None where it is not at hand."""
        if self._folder is None:
            return Path(file) if Path(file).is_file() else None
        try:
            return self._folder.find(file)
        except InputError:
            return None
