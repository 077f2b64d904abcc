"""The mistakes that benchmarks/planted_mistakes.py plants still fit the code. Whether tests notice them, it says."""

import ast

import pytest

from benchmarks import planted_mistakes
from benchmarks.planted_mistakes import ROOT, Mistake

MISTAKES = planted_mistakes.read()


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.title)
def test_a_mistake_can_be_planted_and_its_tests_exist(mistake):
    ast.parse(mistake.planted((ROOT / mistake.file).read_text()))
    for test in mistake.tests:
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text() if name else (ROOT / file).is_file()


def test_there_are_many_and_each_has_a_title_of_its_own():
    assert len({mistake.title for mistake in MISTAKES}) == len(MISTAKES) >= 40


@pytest.mark.parametrize("content", ["x = 2", "x = 1\ny = 1"])
def test_what_does_not_stand_exactly_once_is_refused(content):
    with pytest.raises(ValueError, match="occurs [02] times in a.py"):
        Mistake("a number is wrong", "a.py", "= 1", "= 3", []).planted(content)


@pytest.mark.parametrize(("problem", "code"), [("", 0), ("missed", 1), ("its text occurs 0 times in a.py", 1)])
def test_a_mistake_that_is_not_noticed_is_an_error(monkeypatch, capsys, problem, code):
    outcomes = [planted_mistakes.Outcome(MISTAKES[0], "tests/test_a.py::test_b", problem)]
    monkeypatch.setattr(planted_mistakes, "attempt_all", lambda mistakes: outcomes)
    monkeypatch.setattr("sys.argv", ["planted_mistakes"])
    assert planted_mistakes.main() == code
    assert f"| {problem or 'noticed'} |" in capsys.readouterr().out
