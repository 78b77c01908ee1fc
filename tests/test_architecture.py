"""The house rules of the design, checked on the source: lengths, layers, what may be imported where, and no pickle.

A rule takes a file and yields what is wrong with it; the numbers and the exceptions, each with its reason, are at the top.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src" / "treeline"
LONGEST_FILE, LONGEST_FUNCTION, MOST_ARGUMENTS = 300, 50, 7
HEAVY = {
    *(
        "accelerate",
        "catboost",
        "charset_normalizer",
        "fastexcel",
        "interpret",
        "jinja2",
        "joblib",
        "lightgbm",
        "matplotlib",
    ),
    *(
        "numba",
        "openpyxl",
        "optuna",
        "pandas",
        "PIL",
        "plotly",
        "polars",
        "psycopg",
        "pyarrow",
        "safetensors",
        "scipy",
        "seaborn",
    ),
    *("shap", "sklearn", "soundfile", "sqlalchemy", "statsmodels", "tabm", "torch", "transformers", "xgboost"),
}
REGISTRY = "treeline.candidates.registry"
UNSAFE = {"pickle", "cPickle", "_pickle", "joblib", "cloudpickle", "dill", "shelve", "marshal"}
NEVER_AT_START = {
    "torch",
    "sklearn",
    "pandas",
    "matplotlib",
    "lightgbm",
    "xgboost",
    "catboost",
    "interpret",
    "statsmodels",
}
MAY_IMPORT = {
    "candidates/deep/device.py": {"torch"},  # imported inside functions only, by `loop` alone
    "candidates/deep/language.py": {"torch"},  # modules, imported inside `build` only
    "candidates/deep/vision.py": {"torch"},
    "candidates/deep/fused.py": {"torch"},  # likewise
    "estimators.py": {"sklearn"},  # an estimator too; imported when first asked for
    "evidence/": {"scipy"},  # numbers are its trade
}
MAY_CATCH_ALL = {
    "contest/worker.py",  # a candidate may fail in any way; the failure is a fact
    "contest/runner.py",
    "cli.py",  # the last line of defence: one line instead of a traceback
}
MAY_ASK_CARDS = (
    *("candidates/", "deliver/", "api.py", "doctor.py", "session.py"),  # before a run, or to fit and predict
    *("contest/opening.py", "contest/head.py", "contest/worker.py", "contest/fitting.py", "contest/alone.py"),
    "contest/roster.py",  # for heads that hold less than a verdict needs
)
"Everybody else asks `roster.cards_of`: a verdict depends on the ledger, not on what is installed."
PUBLIC_DOORS = {
    "cli.py",
    "api.py",
    "estimators.py",
    "data/ask.py",
    "data/read_table.py",
}  # they mirror the user's options, one by one


@dataclass(frozen=True)
class Source:
    """One file of the package."""

    name: str
    text: str
    tree: ast.Module


FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Rule = Callable[[Source], Iterator[str]]


@cache
def sources() -> tuple[Source, ...]:
    texts = {path.relative_to(SRC).as_posix(): path.read_text(encoding="utf-8") for path in sorted(SRC.rglob("*.py"))}
    return tuple(Source(name, text, ast.parse(text)) for name, text in texts.items())


def functions(tree: ast.AST) -> Iterator[FunctionNode]:
    return (node for node in ast.walk(tree) if isinstance(node, FunctionNode))


def imports(body: list[ast.stmt], *, deep: bool) -> Iterator[str]:
    """Full names of what is imported; unless `deep`, only what runs when the module is imported."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) and not deep:
            yield from imports(node.orelse, deep=deep)
        elif deep or not isinstance(node, FunctionNode):
            for part in ast.iter_child_nodes(node):
                inner = (
                    part.body if isinstance(part, ast.ExceptHandler) else [part] if isinstance(part, ast.stmt) else []
                )
                yield from imports(inner, deep=deep)


def files_are_short(source: Source) -> Iterator[str]:
    lines = len(source.text.splitlines())
    if lines > LONGEST_FILE:
        yield f"{lines} lines, the house allows {LONGEST_FILE}"


def functions_are_short(source: Source) -> Iterator[str]:
    for node in functions(source.tree):
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if ast.get_docstring(node):
            lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
        if lines > LONGEST_FUNCTION:
            yield f"{node.name} has {lines} lines, the house allows {LONGEST_FUNCTION}"


def functions_take_few_arguments(source: Source) -> Iterator[str]:
    for node in functions(source.tree):
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        count = sum(arg.arg not in {"self", "cls"} for arg in arguments)
        if count > MOST_ARGUMENTS and source.name not in PUBLIC_DOORS:
            yield f"{node.name} takes {count} arguments"


def everything_is_typed(source: Source) -> Iterator[str]:
    for node in functions(source.tree):
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        bare = [arg.arg for arg in arguments if arg.annotation is None and arg.arg not in {"self", "cls"}]
        if bare or node.returns is None:
            yield f"{node.name} lacks types for {', '.join(bare) or 'what it returns'}"


def public_names_have_docstrings(source: Source) -> Iterator[str]:
    if not ast.get_docstring(source.tree):
        yield "the module has no docstring"
    for node in source.tree.body:
        public = isinstance(node, FunctionNode | ast.ClassDef) and not node.name.startswith("_")
        if public and not ast.get_docstring(node):
            yield f"{node.name} has no docstring"


def nothing_is_pickled(source: Source) -> Iterator[str]:
    yield from {name.split(".")[0] for name in imports(source.tree.body, deep=True)} & UNSAFE
    for node in ast.walk(source.tree):
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            yield "allow_pickle must be False"
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"torch.load", "torch.save"}:
            yield ast.unparse(node.func)


def heavy_libraries_are_imported_inside_functions(source: Source) -> Iterator[str]:
    found = {name.split(".")[0] for name in imports(source.tree.body, deep=False)} & HEAVY
    allowed = set().union(*(names for place, names in MAY_IMPORT.items() if source.name.startswith(place)))
    yield from found - allowed


def nobody_catches_everything(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler) or source.name in MAY_CATCH_ALL:
            continue
        if node.type is None or re.search(r"\b(Base)?Exception\b", ast.unparse(node.type)):
            yield f"line {node.lineno} catches everything"


def nothing_is_promised(source: Source) -> Iterator[str]:
    yield from re.findall(r"\b(?:TODO|FIXME|XXX|HACK|raise NotImplementedError)\b", source.text)


def nobody_imports_the_public_face(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and node.module == "treeline" and source.name != "__init__.py":
            modules = {alias.name for alias in node.names if (SRC / alias.name).is_dir()}
            modules |= {alias.name for alias in node.names if (SRC / f"{alias.name}.py").exists()}
            if {alias.name for alias in node.names} - modules - {"__version__"}:
                yield f"line {node.lineno}: import from the module that defines it"


def imports_point_down(source: Source) -> Iterator[str]:
    heights = layers()
    here = source.name.split("/")[0].removesuffix(".py")
    for name in imports(source.tree.body, deep=True) if here in heights else ():
        there = name.split(".")[1] if name.startswith("treeline.") else ""
        if there in heights and there != here and heights[there] >= heights[here]:
            yield f"reaches up, or sideways, to {name}"


def verdicts_ask_the_head_and_not_the_cards(source: Source) -> Iterator[str]:
    if not source.name.startswith(MAY_ASK_CARDS):
        yield from (name for name in imports(source.tree.body, deep=True) if name.startswith(REGISTRY))


def folders_hold_one_docstring_and_no_names(source: Source) -> Iterator[str]:
    if source.name.endswith("/__init__.py") and (
        len(source.tree.body) != 1 or len(ast.get_docstring(source.tree) or "") < 10
    ):
        yield "say in one docstring what lives here, and define nothing"


def nothing_is_called_utils(source: Source) -> Iterator[str]:
    yield from set(re.split(r"[/.]", source.name)) & {"utils", "util", "helpers", "misc"}


@cache
def layers() -> dict[str, int]:
    """The height of each part, from the layers of pyproject.toml."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    order = next(contract["layers"] for contract in tool["contracts"] if contract["type"] == "layers")
    split = [[part.strip().removeprefix("treeline.") for part in re.split(r"[|:]", layer)] for layer in order]
    return {part: len(split) - at for at, parts in enumerate(split) for part in parts}


RULES: list[Rule] = [
    files_are_short,
    functions_are_short,
    functions_take_few_arguments,
    everything_is_typed,
    public_names_have_docstrings,
    nothing_is_pickled,
    heavy_libraries_are_imported_inside_functions,
    nobody_catches_everything,
    nothing_is_promised,
    nobody_imports_the_public_face,
    imports_point_down,
    verdicts_ask_the_head_and_not_the_cards,
    folders_hold_one_docstring_and_no_names,
    nothing_is_called_utils,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule(rule: Rule) -> None:
    broken = [f"{source.name}: {what}" for source in sources() for what in rule(source)]
    assert not broken, "\n".join(broken)


def test_the_rules_see_what_they_look_for() -> None:
    bad = Source("data/utils.py", BAD, ast.parse(BAD))
    silent = [rule.__name__ for rule in RULES if not list(rule(bad))]
    assert silent == ["files_are_short", "folders_hold_one_docstring_and_no_names"]


BAD = (
    """
import pandas
from treeline import run
from treeline.contest import ledger
from treeline.candidates.registry import cards

def f(a, b, c, d, e, g, h, i):
    import pickle
    try:
        raise NotImplementedError
    except Exception:
        pass
"""
    + "    a = 1\n" * LONGEST_FUNCTION
)


def test_no_machine_paths_are_written_down() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    places = ("/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "/t" + "mp/", "pypi." + "org", "download.py" + "torch")
    words = re.compile(r"(?<![\w.])(?:" + "|".join(map(re.escape, places)) + ")")
    broken = []
    for path in (ROOT / name for name in listed.stdout.splitlines()):
        if path.suffix in {".py", ".md", ".toml", ".txt", ".sh", ".html", ".js", ".css"} and path.exists():
            lines = enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
            broken += [f"{path.relative_to(ROOT)}:{number}" for number, line in lines if words.search(line)]
    assert not broken, f"say it relative to the repository: {', '.join(broken[:10])}"


@pytest.mark.parametrize(
    "code",
    [
        "import treeline",
        "import sys; sys.argv = ['treeline', '--help']\nfrom treeline.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code",
    ],
    ids=["import", "help"],
)
def test_the_start_is_light(code: str) -> None:
    tail = "\nimport sys; print('MODULES', *sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not set(done.stdout.rsplit("MODULES", 1)[1].split()) & NEVER_AT_START
