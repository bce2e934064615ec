"""Long work in a log: a line now and then, ever more rarely, nothing of what is quick."""

from fakeodds.view.under_way import UnderWay


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_long_work_says_how_far_it_is_ever_more_rarely() -> None:
    clock = Clock()
    work = UnderWay(clock)
    told: list[tuple[int, str]] = []
    for second in range(1200):
        clock.now = 100.0 + second
        work.report("fits", second // 75, 16)
        told += [(second, line) for line in work.due()]
    seconds = [second for second, _ in told]
    assert seconds == [10, 20, 40, 80, 160, 320, 620, 920]
    assert told[0][1] == "fits: 0 of 16, 0:00:10 so far"
    assert told[3][1] == "fits: 1 of 16, 0:01:20 so far, 0:20:00 left"


def test_what_is_quick_or_over_says_nothing() -> None:
    clock = Clock()
    work = UnderWay(clock)
    work.report("quick", 0, 3)
    work.report("slow", 2, 4)
    work.report("one piece", 0, 1)
    clock.now += 9
    assert work.due() == []
    work.report("quick", 3, 3)
    clock.now += 2
    assert work.due() == ["slow: 2 of 4, 0:00:11 so far", "one piece: 0:00:11 so far"]
    work.report("slow", 4, 4)
    clock.now += 1000
    assert work.due() == ["one piece: 0:16:51 so far"]
