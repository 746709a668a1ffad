"""What a user sees of work as it goes, on stderr: lines, bars, seconds by part; and work done a few items ahead."""

from frcnn_keras.progress.bar import Progress, tracked
from frcnn_keras.progress.conveyor import conveyed
from frcnn_keras.progress.lines import clock, say
from frcnn_keras.progress.lookahead import WORKERS, ahead
from frcnn_keras.progress.timings import Timings, timed

__all__ = ["WORKERS", "Progress", "Timings", "ahead", "clock", "conveyed", "say", "timed", "tracked"]
