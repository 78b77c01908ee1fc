"""Sentences beside the tables: what was handed over, and why that."""

from types import SimpleNamespace

from treeline.report.notes import handed_over

MEMBERS = [{"name": "LightGBM", "weight": 0.75}, {"name": "RealMLP", "weight": 0.25}]


def summary(what="both", why=None):
    told = {"what": what, "members": MEMBERS} if what else {}
    return SimpleNamespace(run={"delivered": told, "out": "runs/a b"}, verdict={"delivered": {"why": why}})


def test_what_is_handed_over_is_named_with_its_members():
    assert handed_over(summary()) == ["Handed over: a blend of both sides, LightGBM 75%, RealMLP 25%."]
    assert handed_over(summary("deep"))[0].startswith("Handed over: deep learning, ")
    assert handed_over(summary("")) == []


def test_another_side_than_the_recommended_comes_with_its_reason_and_a_command():
    _, why, command = handed_over(summary(why="Because."))
    assert why == "Because. This command writes the recommended one:"
    assert command == "treeline deliver 'runs/a b' --side choice"
