"""What a file says: modules by their statements, records by what they found, everything else by its bytes."""

import json

import pytest

from pipeline.utils.digests import digest
from pipeline.utils.errors import BadInput

MODULE = '''"""Doc."""


class Part:
    """Doc."""

    size = 3
    """Doc."""

    def double(self, x: int = 2) -> int:
        """Doc."""
        return 2 * x  # twice
'''
RECORD = {
    "stage": "prepare", "wildcards": {"data": "streets"}, "params": {"data.streets": {"seed": 0}},
    "sources": {"prepare.py": "1"}, "inputs": {}, "outputs": {}, "conditions": {"finished": "now"},
    "result": {"count": 3},
}  # fmt: skip


@pytest.fixture
def digest_of(tmp_path):
    """The digest of a file with this name and content."""

    def write(name: str, content: object) -> str:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return digest(path)

    return write


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  # twice", ""),
        ('"""Doc."""', '"""Another."""'),
        ('    """Doc."""\n\n    size', "    size"),
        ("return 2 * x", "return (\n            2 * x\n        )"),
    ],
)
def test_comments_docstrings_and_line_breaks_of_a_module_do_not_count(digest_of, before, after):
    assert before in MODULE
    assert digest_of("a.py", MODULE) == digest_of("a.py", MODULE.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after"),
    [("2 * x", "3 * x"), ("2 * x", "x * 2"), ("= 2)", "= None)"), ("-> int", "-> float"), ("size = 3", 'size = "3"')],
)
def test_a_changed_statement_of_a_module_counts(digest_of, before, after):
    assert before in MODULE
    assert digest_of("a.py", MODULE) != digest_of("a.py", MODULE.replace(before, after))


def test_a_string_that_is_used_is_no_docstring(digest_of):
    assert digest_of("a.py", 'x = "one"\n') != digest_of("a.py", 'x = "two"\n')


def test_the_digest_of_a_module_is_the_same_in_every_python(digest_of):
    """Python 3.12 gave classes and functions a field more; a digest over it would make everything stale."""
    assert digest_of("a.py", MODULE).startswith("46e0e2f0b475")


def test_a_module_that_is_no_python_is_named_with_its_line(digest_of):
    with pytest.raises(BadInput, match=r"a\.py, line 2 is not valid Python"):
        digest_of("a.py", "x = 1\nx = = 2\n")


@pytest.mark.parametrize("key", ["conditions", "sources"])
def test_when_and_by_which_modules_a_record_was_made_does_not_count(digest_of, key):
    assert digest_of("a.json", RECORD) == digest_of("a.json", RECORD | {key: {"other": "1"}})


@pytest.mark.parametrize("key", ["params", "inputs", "outputs", "result"])
def test_everything_else_in_a_record_counts(digest_of, key):
    assert digest_of("a.json", RECORD) != digest_of("a.json", RECORD | {key: {"other": "1"}})


def test_other_files_count_by_their_bytes(digest_of):
    assert digest_of("a.json", {"miou": 1}) != digest_of("a.json", json.dumps({"miou": 1}, indent=1))
    assert digest_of("a.json", "{cut short") != digest_of("a.json", "{cut")
    assert digest_of("a.css", "/* a comment */") != digest_of("a.css", "")
