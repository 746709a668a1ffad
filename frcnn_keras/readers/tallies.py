"""What happened to many boxes of a data set, said in one line."""

from frcnn_keras.data.example import Problem


class Tally:
    """Counts boxes and the images that they are in; keeps where the first was."""

    def __init__(self):
        self.boxes = 0
        self.images = 0
        self.first = ""

    def add(self, first: str, boxes: int) -> None:
        """One image with that many such boxes; `first` names the first of them."""
        self.first = self.first or first
        self.boxes += boxes
        self.images += 1

    def problem(self, file: str, singular: str, plural: str, fatal: bool = False) -> list[Problem]:
        """The line, in the verb's number; none where there was nothing."""
        if not self.images:
            return []
        boxes = "1 box" if self.boxes == 1 else f"{self.boxes} boxes"
        images = "1 image" if self.images == 1 else f"{self.images} images"
        words = singular if self.boxes == 1 else plural
        return [Problem(file, f"{boxes} in {images} {words}, first: {self.first}", fatal=fatal)]
