"""Another spelling of the same command goes on; another question is refused."""

import pytest

from treeline.contest.ledger import Ledger
from treeline.contest.same import check_same
from treeline.errors import IntegrityError
from treeline.problem.metric import metric_named
from treeline.problem.problem import Problem
from treeline.problem.settings import Settings
from treeline.problem.task import Policy, Task


def problem_of(metric="roc_auc", margin=0.005):
    return Problem(
        task=Task.BINARY, target="churn", classes=("no", "yes"), metric=metric_named(metric, Task.BINARY), margin=margin,
        policy=Policy.STRATIFIED,
    )  # fmt: skip


BEGUN = {
    "target": "churn",
    "metric": "auc",
    "families": "classical,deep",
    "drop": ["a", "b"],
    "pretrained": "weights/x",
}


@pytest.fixture
def ledger(tmp_path):
    held = Ledger(tmp_path, write=True)
    settings = Settings.of(**BEGUN).identity()
    del settings["header"]  # as in a ledger from before there was such a setting
    told = {"problem": problem_of().to_json(), "dataset": {"fingerprint": "f" * 20}, "settings": settings}
    held.append("head", version=1, **told)
    yield held
    held.close()


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"time_limit": "10m"},
        {"metric": "roc_auc"},
        {"metric": None},
        {"margin": "0.0050"},
        {"split": "stratified"},
        {"task": "binary"},
        {"families": "deep,classical"},
        {"drop": ["b", "a"]},
        {"pretrained": "./weights/x/"},
    ],
)
def test_what_means_the_same_goes_on(ledger, changed):
    check_same(ledger, "f" * 20, Settings.of(**BEGUN | changed), problem_of())


@pytest.mark.parametrize(
    ("changed", "problem", "words"),
    [
        ({"seed": "5"}, problem_of(), "seed was 0 and is 5"),
        ({"metric": "accuracy"}, problem_of("accuracy"), "metric was 'auc' and is 'accuracy'"),
        ({"margin": 0.01}, problem_of(margin=0.01), "margin was None and is 0.01"),
        ({"families": "deep"}, problem_of(), "families was"),
        ({"drop": ["a"]}, problem_of(), "drop was"),
    ],
)
def test_what_means_something_else_is_refused_with_the_difference(ledger, changed, problem, words):
    with pytest.raises(IntegrityError, match=words):
        check_same(ledger, "f" * 20, Settings.of(**BEGUN | changed), problem)


def test_other_data_are_refused_with_a_longer_limit_too(ledger):
    with pytest.raises(IntegrityError, match=r"the data has changed \(fingerprint ffffffffffff, now 0000"):
        check_same(ledger, "0" * 20, Settings.of(**BEGUN, time_limit="10m"), problem_of())
