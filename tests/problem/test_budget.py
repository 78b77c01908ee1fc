"""Time limits are read and written, and put into a command again."""

import pytest

from treeline.problem.budget import longer, seconds_of, spelled


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), (60, 60), ("60s", 60), ("1m", 60), ("1h30m", 5400), ("0.5m", 30)]
)
def test_the_same_time_may_be_spelled_in_many_ways(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(20, "20s"), (80.2, "81s"), (120, "120s"), (121, "3m"), (300, "5m"), (3600, "1h"), (5400, "1h30m")],
)
def test_limits_are_written_short_and_never_shorter_than_they_are(seconds, text):
    assert spelled(seconds) == text
    assert seconds_of(spelled(seconds)) >= seconds


def test_a_longer_limit_takes_the_place_of_the_old_one():
    assert (
        longer("treeline run a.csv --time-limit 60s --target 'my y'", 300)
        == "treeline run a.csv --target 'my y' --time-limit 5m"
    )
    assert longer("treeline run a.csv --time-limit=60s", 90) == "treeline run a.csv --time-limit 90s"
    assert longer("treeline run --config run.toml", 90) == "treeline run --config run.toml --time-limit 90s"
    assert longer("treeline run it's", 90) == "treeline run it's --time-limit 90s"
    assert longer("", 90) == "the same call with time_limit='90s'"
