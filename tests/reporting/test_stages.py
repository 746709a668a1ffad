import math

from frcnn_keras.reporting.analysis import SizeRange
from frcnn_keras.reporting.facts import read_facts
from frcnn_keras.reporting.stages import Size, recall_table, sizes_of
from tests.reporting.evaluated_run import write_proposals, write_run
from tests.reporting.pictures_by_hand import drawn_at_random

UNKNOWN = (math.nan, math.nan)


def words(found, objects, proposed):
    rest = objects - found
    return Size(SizeRange("small", objects, found, 0, 0, rest), UNKNOWN, (proposed, 0.0), 0.5, 0.5).words


def test_which_stage_loses_how_many():
    assert words(6, 10, .7) == ("small: 4 of 10 are not found. No proposal reaches 3 of the 10, so the first stage "
                                "loses 3 at most, and the second 1 at least")
    assert words(9, 10, .5).endswith("loses 1 at most, and the second 0 at least")  # others were moved
    assert words(10, 10, .5) == "small: all 10 are found" and words(1, 1, 1.0) == "small: the one is found"
    assert words(8, 10, 1.0).endswith("2 of 10 are not found. Proposals reach them all, so the second stage loses them")
    assert words(0, 0, math.nan) == words(3, 5, math.nan) == ""


def test_of_a_run(tmp_path):
    run = write_run(tmp_path, drawn_at_random(0, images=2))
    sizes = [SizeRange(name, 4, 2, 1, 1, 0) for name in ("small", "medium", "large")]
    assert all(math.isnan(one.proposals[0]) and math.isnan(one.anchors[1]) for one in
               sizes_of(read_facts(run), sizes, {}))
    write_proposals(run)
    small, medium, large = sizes_of(read_facts(run), sizes, {"small": [.9, .8]})
    assert (small.anchors, small.proposals) == ((.9, .8), (.75, .5)) and medium.proposals == (1, 1)
    assert math.isnan(large.proposals[0]) and large.words == ""


def test_the_table_of_recall():
    found = recall_table({"recall@100/0.5": .5, "recall@100/0.7": .25, "recall@1000/0.5": 1.0})
    assert found["overlaps"] == ["0.5", "0.7"] and found["rows"][0] == ("100", [.5, .25])
    assert found["rows"][1][0] == "1000" and math.isnan(found["rows"][1][1][1])
    assert recall_table({}) == {"overlaps": [], "rows": []}
