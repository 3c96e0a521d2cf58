"""An aim gives as much work as it takes to meet somebody at it, and no more than it may."""

from collections.abc import Callable
from dataclasses import dataclass, field

from fraud_local.chaos.aim import AIM_S, LEAST, MOST, Aim


@dataclass
class Machine:
    """Is at work for a moment after a burst of some size; each look takes a tenth of a second."""

    needs: int
    now: float = 0.0
    bursts: list[int] = field(default_factory=list)
    rests: bool = True
    idle: bool = True

    def burst(self, count: int) -> None:
        self.bursts.append(count)
        self.rests = count < self.needs

    def working(self) -> bool:
        self.now += 0.1
        return not self.rests

    def clock(self) -> float:
        return self.now


def aimed(machine: Machine) -> Callable[[], bool]:
    return Aim(machine.burst, machine.working, lambda: machine.idle, machine.clock)


def test_a_slow_machine_is_met_at_once() -> None:
    machine = Machine(needs=LEAST)

    assert aimed(machine)()
    assert machine.bursts == [LEAST]


def test_a_fast_machine_gets_more_until_it_is_met_and_as_much_the_next_time() -> None:
    machine = Machine(needs=4 * LEAST)
    aim = aimed(machine)

    assert aim()
    assert machine.bursts == [LEAST, 2 * LEAST, 4 * LEAST]
    machine.rests = True
    assert aim()
    assert machine.bursts[3:] == [4 * LEAST]


def test_who_is_at_work_anyway_gets_no_more() -> None:
    machine = Machine(needs=LEAST, rests=False)

    assert aimed(machine)()
    assert machine.bursts == []


def test_who_is_behind_already_gets_no_more() -> None:
    machine = Machine(needs=LEAST, idle=False)

    assert not aimed(machine)()
    assert machine.bursts == []


def test_where_nobody_works_it_gives_up_in_time_and_has_given_what_it_may() -> None:
    machine = Machine(needs=2 * MOST)

    assert not aimed(machine)()
    assert sum(machine.bursts) == MOST
    assert AIM_S <= machine.now < AIM_S + 1
