"""The mistakes that benchmarks/planted_mistakes.py plants still fit the code.

Whether the tests notice them is what that program finds out, in more time than these tests have.
"""

import ast
from functools import cache

import pytest

from benchmarks import planted_mistakes
from benchmarks.planted_mistakes import ROOT, Mistake

MISTAKES = planted_mistakes.read()


def test_every_mistake_can_be_planted_and_its_tests_exist():
    for mistake in MISTAKES:
        ast.parse(mistake.planted(content(mistake.file)), mistake.title)
        for test in mistake.tests:
            file, _, name = test.partition("::")
            assert (f"def {name}(" if name else "def test_") in content(file), (
                f"{mistake.title}: there is no test {test}"
            )


@cache
def content(file):
    return (ROOT / file).read_text()


def test_there_are_many_and_each_has_a_title_of_its_own():
    assert len({mistake.title for mistake in MISTAKES}) == len(MISTAKES) >= 40


@pytest.mark.parametrize("code", ["x = 2", "x = 1\ny = 1"])
def test_what_does_not_stand_exactly_once_is_refused(code):
    with pytest.raises(ValueError, match="occurs [02] times in a.py"):
        Mistake("a number is wrong", "a.py", "= 1", "= 3", []).planted(code)


@pytest.mark.parametrize(("problem", "code"), [("", 0), ("missed", 1), ("its text occurs 0 times in a.py", 1)])
def test_a_mistake_that_is_not_noticed_is_an_error(monkeypatch, capsys, problem, code):
    outcomes = [planted_mistakes.Outcome(MISTAKES[0], "tests/test_a.py::test_b", problem)]
    monkeypatch.setattr(planted_mistakes, "attempt_all", lambda mistakes: outcomes)
    monkeypatch.setattr("sys.argv", ["planted_mistakes"])
    assert planted_mistakes.main() == code
    assert f"| {problem or 'noticed'} |" in capsys.readouterr().out
