"""The list of guards fits the code: each is where it is said to be, once, and so is the test that misses it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.helpers.places import REPOSITORY
from tests.mutation.__main__ import NOTICED, UNNOTICED, passes, verdict
from tests.mutation.guards import GUARDS, Guard


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guard_is_there_once_and_its_test_exists(guard: Guard) -> None:
    assert (REPOSITORY / guard.file).read_text().count(guard.old) == 1
    assert guard.old != guard.new
    path, _, name = guard.test.partition("::")
    tree = ast.parse((REPOSITORY / path).read_text())
    functions = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert not name or name in functions


def test_the_names_of_guards_differ() -> None:
    assert len({guard.name for guard in GUARDS}) == len(GUARDS) >= 25


def test_a_guard_that_goes_is_noticed_and_put_back(tmp_path: Path) -> None:
    """The script itself, on a tree of two guards of which a test knows one."""
    code, test = tmp_path / "code_of_two.py", "test_code.py::test_it"
    code.write_text("guarded = True\nforgotten = True\n")
    (tmp_path / "test_code.py").write_text(
        "import code_of_two\n\ndef test_it():\n    assert code_of_two.guarded\n"
    )
    healthy = code.read_text()
    guards = [
        Guard(name, code.name, f"{name} = True", f"{name} = False", test) for name in ("guarded", "forgotten")
    ]
    assert passes(tmp_path, [test])[0]
    assert [verdict(tmp_path, guard)[0] for guard in guards] == [NOTICED, UNNOTICED]
    assert code.read_text() == healthy
