"""The dashboard's modules as one script: what it executes, when, and which modules it refuses."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from gql_server.pages import bundle

ORDER = {
    "vendor/other.js": "export default (text) => `<${text}>`;\nexport const kept = 1;\n",
    "dashboard/first.js": """import brackets from "../vendor/other.js";
export const told = [];
export function tell(text) {
  told.push(brackets(text));
}
export class Teller {
  tell = tell;
}
tell("first");
""",
    "dashboard/deep/second.js": """import { told as all, Teller } from "../first.js";
const own = all;
export { own };
export {
  kept,
} from "../../vendor/other.js";
new Teller().tell("second");
""",
    "dashboard/later.js": """import { tell } from "./first.js";
tell("later");
export const word = "came";
""",
    "dashboard/main.js": """import * as second from "./deep/second.js";
import "./first.js";
second.own.push("main", second.kept);
import("./later.js").then(({ word }) => console.log(JSON.stringify([...second.own, word])));
""",
}


def _written(root: Path, modules: dict[str, str]) -> Path:
    for name, text in modules.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def test_modules_are_executed_once_each_in_their_order_and_late_ones_when_they_are_asked_for(
    tmp_path: Path,
) -> None:
    text = bundle.script(_written(tmp_path, ORDER), ["dashboard/main.js"])
    assert bundle.outside(text) == ["vendor/other.js"]
    node = shutil.which("node")
    if node is None:
        pytest.skip("without node: the browser's tests execute the dashboard's own script")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "dashboard" / "all.js").write_text(text)
    done = subprocess.run(
        [node, "dashboard/all.js"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == '["<first>","<second>","main",1,"<later>","came"]'


@pytest.mark.parametrize(
    ("modules", "why"),
    [
        (
            {
                "main.js": 'import { a } from "./a.js";\n',
                "a.js": 'import "./main.js";\nexport const a = 1;\n',
            },
            "main.js imports dashboard/a.js imports dashboard/main.js: a circle",
        ),
        ({"main.js": "export let changing = 1;\n"}, "'export let changing = 1;' has a form"),
        ({"main.js": "export default 1;\n"}, "'export default 1;' has a form"),
        ({"main.js": "const a = 1;\nexport { a as b };\n"}, "`export { a as b }` has a form"),
        ({"main.js": 'import a, { b } from "./a.js";\n'}, "has a form that is not understood"),
    ],
)
def test_a_module_that_would_not_mean_the_same_is_refused(
    modules: dict[str, str], why: str, tmp_path: Path
) -> None:
    root = _written(tmp_path, {f"dashboard/{name}": text for name, text in modules.items()})
    with pytest.raises(bundle.BundleError) as refused:
        bundle.script(root, ["dashboard/main.js"])
    assert why in str(refused.value)
