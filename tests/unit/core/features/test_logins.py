"""Logins are counted as the definitions say, in whatever order they come."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_core.features import SideTables, State, advance
from fraud_core.features.side import Logins
from tests.unit.core.features.reference import DAY, HOUR, MINUTE, Known, Login, Transaction, attempts
from tests.unit.core.features.streams import START, frame, login_frame, rows

OFFSETS = (0, 1, MINUTE - 1, MINUTE, 59 * MINUTE, HOUR - 1, HOUR, HOUR + MINUTE, DAY - HOUR, DAY, 3 * DAY)
NAMES = ("logins_1h", "failed_logins_1h")


@st.composite
def times(draw: st.DrawFn) -> int:
    sign = draw(st.sampled_from((1, -1)))
    return START + draw(st.integers(0, 3)) * HOUR + sign * draw(st.sampled_from(OFFSETS))


events = st.lists(
    st.one_of(
        st.builds(Login, user=st.sampled_from("uv"), time=times(), success=st.booleans()),
        st.builds(Transaction, user=st.sampled_from("uv"), time=times(), amount=st.just(1.0)),
    ),
    max_size=60,
)


@settings(max_examples=200)
@given(stream=events)
def test_any_stream_has_the_counts_of_the_definitions(stream: list[Login | Transaction]) -> None:
    side, read, known, wanted = SideTables(), list[Login](), list[Known](), list[Known]()
    side.logins = Logins()
    for one in stream:
        if isinstance(one, Login):
            read.append(one)
            side.logins.learn(login_frame([one]))
        else:
            wanted.append(attempts(read, one))
            (found,) = rows(advance(State(), frame([one]), side))
            known.append({name: found[name] for name in NAMES})

    assert known == wanted


def test_many_logins_come_at_once() -> None:
    side = SideTables()
    side.logins = Logins()
    logins = [Login(f"u{number % 900}", START + number * 100, number % 3 > 0) for number in range(20_000)]
    side.logins.learn(login_frame(logins))
    asked = [Transaction(f"u{number}", START + HOUR // 2, 1.0) for number in range(0, 900, 9)]

    known = rows(advance(State(), frame(asked), side))

    for row, one in zip(known, asked, strict=True):
        assert {name: row[name] for name in NAMES} == attempts(logins, one)


def test_logins_whose_time_is_far_ahead_silence_nobody() -> None:
    side, far = SideTables(), 4_102_444_800_000
    side.logins = Logins()
    strays = [Login("u", far + number * DAY, success=True) for number in range(7)]
    real = [Login("u", START + number * 10 * MINUTE, success=False) for number in range(5_000)]
    for begin in range(0, 5_000, 500):
        side.logins.learn(
            login_frame([*strays[begin // 1_000 : begin // 1_000 + 1], *real[begin : begin + 500]])
        )
        (known,) = rows(advance(State(), frame([Transaction("u", real[begin + 499].time, 1.0)]), side))
        assert {name: known[name] for name in NAMES} == {"logins_1h": 6, "failed_logins_1h": 6}


def test_names_that_nobody_uses_any_more_take_no_memory() -> None:
    logins, taken = Logins(), list[int]()
    for week in range(15):
        logins.learn(
            login_frame(
                [
                    Login(f"one of {week} {each}", START + week * 7 * DAY, success=False)
                    for each in range(2_000)
                ]
            ),
            reached=START // HOUR + week * 7 * 24,
        )
        taken.append(logins.nbytes)

    assert max(taken) < 3 * taken[2]


def test_logins_of_a_backlog_are_there_though_all_of_them_are_read_before_it() -> None:
    side, real = SideTables(), [Login(f"u{each}", START, success=True) for each in range(100)]
    side.logins = Logins()
    side.logins.learn(login_frame(real))
    for day in range(30):
        side.learn_logins(
            login_frame([Login(f"{day} {each}", START + day * DAY, success=True) for each in range(5_000)])
        )

    (known,) = rows(advance(State(), frame([Transaction("u7", START + MINUTE, 1.0)]), side))

    assert known["logins_1h"] == 1
