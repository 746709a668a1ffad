"""Everything that `check` says of a data set, as a record."""

import dataclasses

from frcnn_keras.data.example import Dataset, Problem
from frcnn_keras.errors import InputError
from frcnn_keras.inspection import dataset_check
from frcnn_keras.inspection.repeats import repeats
from frcnn_keras.models.applications import DEFAULT_LAYERS, GEOMETRY
from frcnn_keras.settings.stages import CheckConfig


@dataclasses.dataclass(frozen=True)
class AnchorGrid:
    """Where anchors have their centres, which is the backbone's doing."""

    stride: float  # pixels between them
    offset: float  # of the first

    @classmethod
    def of(cls, backbone: str) -> "AnchorGrid":
        """That of a backbone's usual layers.

        Raises:
            InputError: a backbone whose grid is not known.
        """
        if backbone not in GEOMETRY:
            raise InputError(f"--backbone {backbone}: the grid is known of {', '.join(GEOMETRY)} alone; give --stride "
                             "and --offset, the centre of its first cell")
        stride, offset = GEOMETRY[backbone][DEFAULT_LAYERS[backbone][-1]]
        return cls(float(stride), offset)


@dataclasses.dataclass(frozen=True)
class DatasetReport:
    """What a data set holds, what is wrong with it, and how its objects suit the anchors."""

    data: str  # what the data set is called
    decoded: bool  # whether every image was decoded, or its header alone was read
    stops: tuple[str, ...]  # why prep would not start; empty where it would
    problems: tuple[Problem, ...]
    images: int
    objects: int  # those that train
    images_without_objects: tuple[str, ...]  # their files
    per_class: dict[str, dict]  # of each class: counts, and percentiles of `size` and `shorter_side`
    settings: CheckConfig
    grid: AnchorGrid
    reach: dict[str, list[float]]  # of "all" and each class: share of objects whose best IoU is .5 and .7 or more
    unreached: int  # objects that overlap no anchor inside the image
    suggested_sizes: list[float] | None  # anchor sizes that serve better; None where the given ones serve
    suggested_reach: dict[str, list[float]] | None

    @property
    def ok(self) -> bool:
        """Whether nothing here stops `prep`."""
        return not self.stops

    @property
    def suggested_flag(self) -> str:
        """The flag that gives the suggested sizes; empty where there are none."""
        sizes = self.suggested_sizes
        return "--anchor-sizes " + ",".join(f"{size:g}" for size in sizes) if sizes else ""


def report(dataset: Dataset, config: CheckConfig, grid: AnchorGrid, *, skip_bad: bool = False,
           decode: bool = True) -> DatasetReport:
    """Inspects a data set as a reader returned it.

    decode: reads and decodes every image, which finds damage behind their headers, and duplicates. skip_bad: whether
    bad items would be left out.
    """
    if decode:
        dataset = dataset_check.decode_images(dataset)
    dataset = dataclasses.replace(dataset, examples=tuple(filter(lambda example: example.certain, dataset.examples)),
                                  problems=(*dataset.problems, *repeats(dataset)))
    objects = dataset_check.resized_objects(dataset, config.images.shorter, config.images.longer)
    anchors = dataset_check.anchor_report(objects, dataset.class_names, config.anchors.in_pixels(grid.stride),
                                          config.anchors.ratios, grid.stride, grid.offset)
    counts = dataset_check.class_counts(dataset)
    return DatasetReport(
        dataset.name, decode, tuple(dataset_check.what_stops(dataset, skip_bad)), tuple(dataset.problems),
        len(dataset.examples), len(objects.labels),
        tuple(example.file for example in dataset.examples if not len(example.labels)),
        {name: counts[name] | dataset_check.size_percentiles(objects, label)
         for label, name in enumerate(dataset.class_names, start=1)}, config, grid, **anchors)
