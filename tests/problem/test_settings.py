"""Settings: the same names and checks in Python, TOML and on the command line."""

import pytest

from treeline.errors import BudgetError, DataError, UsageError
from treeline.problem.budget import seconds_of
from treeline.problem.metric import default_metric
from treeline.problem.problem import Problem
from treeline.problem.settings import Settings, help_of, read_config
from treeline.problem.task import Policy, Task


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("1h30m", 5400), ("2.5m", 150), (45, 45), ("45", 45), ("1 h", 3600)]
)
def test_durations(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["0", "-5s", "0m", -1, float("nan"), float("inf")])
def test_a_limit_of_zero_or_less_is_a_budget_error(text):
    with pytest.raises((BudgetError, UsageError)) as caught:
        seconds_of(text)
    assert caught.value.do


@pytest.mark.parametrize("text", ["soon", "5 parsecs", ""])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(UsageError, match="no duration"):
        seconds_of(text)


def test_lists_may_be_texts():
    settings = Settings.of(
        families="classical,deep", candidates=["lightgbm,ebm", "svm"], kind=["zip=category", "a=b=number"]
    )
    assert settings.families == ("classical", "deep")
    assert settings.candidates == ("lightgbm", "ebm", "svm")
    assert settings.kind == {"zip": "category", "a=b": "number"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"metrik": "auc"}, "did you mean 'metric'"),
        ({"families": "clasical"}, "did you mean 'classical'"),
        ({"split": "rnd"}, "split"),
        ({"margin": -1}, "margin"),
        ({"margin": "wide"}, "no number"),
        ({"folds": 1}, "folds"),
        ({"kind": ["zip"]}, "kind"),
        ({"families": ""}, "No family"),
        ({"bad_rows": "ignore"}, "bad_rows"),
    ],
)
def test_wrong_settings_say_what_to_do(given, words):
    with pytest.raises(UsageError, match=words) as caught:
        Settings.of(**given)
    assert caught.value.do or "did you mean" in str(caught.value)


def test_memory_and_cores_are_no_part_of_a_runs_identity():
    assert Settings.of(cores=1).identity() == Settings.of(cores=2, memory=100).identity()
    assert Settings.of(seed=1).identity() != Settings.of(seed=2).identity()


def test_every_setting_has_help():
    assert all(help_of().values())


def test_a_config_file_holds_the_same_names(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('source = "a.csv"\ntarget = "y"\ntime_limit = "60s"\n[kind]\nzip = "category"\n')
    found = read_config(path)
    found.pop("source")
    assert Settings.of(**found).kind == {"zip": "category"}
    path.write_text("target = ")
    with pytest.raises(DataError, match=r"run\.toml"):
        read_config(path)
    with pytest.raises(UsageError, match="There is no file"):
        read_config(tmp_path / "none.toml")


def test_a_problem_comes_back_from_json():
    problem = Problem(
        task=Task.BINARY, target="y", classes=("n", "y"), metric=default_metric(Task.BINARY), margin=0.01,
        policy=Policy.GROUPED, group="g", why={"task": "two values"},
    )  # fmt: skip
    assert Problem.from_json(problem.to_json()) == problem
