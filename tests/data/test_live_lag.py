from frcnn_keras.data.live_lag import LiveLag


class Camera:
    """A buffer that fills with 10 frames a second, and a clock that the reader's work moves."""

    def __init__(self, stamp=lambda number: number / 10):
        self.now, self.number, self.stamp = 0.0, 0, stamp
        self.lag = LiveLag(lambda: self.now)

    def look(self, work):
        """One frame: whether it was looked at. work: seconds that this takes."""
        self.now = max(self.now, self.number / 10)  # it waits for the camera
        behind = self.lag.behind(self.stamp(self.number))
        self.number += 1
        self.now += 0.001 if behind else work
        return not behind


def test_who_is_quick_enough_sees_all():
    camera = Camera()
    assert all(camera.look(0.09) for _ in range(500))


def test_who_is_slow_stays_a_second_behind():
    camera = Camera()
    seen = [camera.look(0.25) for _ in range(1000)]
    assert camera.now - camera.number / 10 < 1.5, "what is found is never much older"
    assert 0.3 < sum(seen) / len(seen) < 0.5  # 4 of 10 frames a second


def test_a_long_pause_is_caught_up_with():
    camera = Camera()
    for _ in range(20):
        camera.look(0.01)
    camera.look(30)
    seen = [camera.look(0.01) for _ in range(400)]
    assert not any(seen[:250]) and all(seen[-80:])


def test_stamps_that_begin_anew_or_stand_still_pass_over_nothing_for_long():
    for stamp in (lambda number: number / 10 if number < 100 else (number - 100) / 10, lambda number: 0.0,
                  lambda number: number / 10 + 3600 * (number > 50)):
        camera = Camera(stamp)
        assert all(camera.look(0.05) for _ in range(300))


def test_a_slow_clock_is_not_believed_for_ever():
    camera = Camera(lambda number: number / 25)  # 10 frames a second that say 25
    seen = [camera.look(0.01) for _ in range(2000)]
    assert any(seen[-100:])
