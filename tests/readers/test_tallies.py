from frcnn_keras.readers.tallies import Tally


def test_one_line_in_the_number_of_the_boxes():
    tally = Tally()
    assert tally.problem("set", "is", "are") == []
    tally.add("a.xml object 2", 1)
    (problem,) = tally.problem("set", "is", "are")
    assert str(problem) == "set: 1 box in 1 image is, first: a.xml object 2" and not problem.fatal
    tally.add("b.xml", 2)
    (problem,) = tally.problem("set", "is", "are", fatal=True)
    assert str(problem) == "set: 3 boxes in 2 images are, first: a.xml object 2" and problem.fatal
