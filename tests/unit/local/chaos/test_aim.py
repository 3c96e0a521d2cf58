"""An aim gives as much work as it takes to meet somebody at it, and no more than it may."""

from dataclasses import dataclass, field

from fraud_local.chaos.aim import AIM_S, FIRST_AIM_S, LEAST, MOST, WATCH_S, Aim, Sight


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


def aimed(machine: Machine) -> Aim:
    return Aim(machine.burst, machine.working, lambda: machine.idle, machine.clock)


def at_last(aim: Aim) -> Sight:
    return next(sight for sight in iter(aim, None) if sight is not Sight.NOT_YET)


def test_a_slow_machine_is_met_by_the_first_burst() -> None:
    machine = Machine(needs=LEAST)

    assert aimed(machine)() is Sight.MET
    assert machine.bursts == [LEAST]


def test_a_fast_machine_gets_more_until_it_is_met_and_as_much_the_next_time() -> None:
    machine = Machine(needs=4 * LEAST)
    aim = aimed(machine)

    assert at_last(aim) is Sight.MET
    assert machine.bursts == [LEAST, 2 * LEAST, 4 * LEAST]
    machine.rests = True
    assert at_last(aim) is Sight.MET
    assert machine.bursts[3:] == [4 * LEAST]


def test_who_is_at_work_anyway_gets_no_more() -> None:
    machine = Machine(needs=LEAST, rests=False)

    assert aimed(machine)() is Sight.MET
    assert machine.bursts == []


def test_who_is_behind_already_gets_no_more() -> None:
    machine = Machine(needs=LEAST, idle=False)

    assert at_last(aimed(machine)) is Sight.IN_VAIN
    assert machine.bursts == []


def test_a_look_takes_about_a_second_so_that_others_come_back_meanwhile() -> None:
    machine = Machine(needs=2 * MOST)
    aim = aimed(machine)

    assert aim() is Sight.NOT_YET
    assert machine.now < 3 * WATCH_S


def test_where_nobody_works_it_is_in_vain_in_the_end_and_has_given_what_it_may() -> None:
    machine = Machine(needs=2 * MOST)

    assert at_last(aimed(machine)) is Sight.IN_VAIN
    assert sum(machine.bursts) == MOST
    assert FIRST_AIM_S <= machine.now < FIRST_AIM_S + 2


def test_once_somebody_was_met_it_is_in_vain_sooner_and_the_next_one_looks_anew() -> None:
    machine = Machine(needs=LEAST)
    aim = aimed(machine)
    assert at_last(aim) is Sight.MET
    machine.rests, machine.needs, began = True, 2 * MOST, machine.now

    assert at_last(aim) is Sight.IN_VAIN
    assert AIM_S <= machine.now - began < AIM_S + 2
    machine.needs = 1
    assert at_last(aim) is Sight.MET
