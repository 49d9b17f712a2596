"""The console examples of README.md and docs/ print what they say they print.

Python examples are doctests. Figures that rounding decides, such as a relative error, may differ in the last place
from machine to machine and are left out of the comparison.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from matcalc.commands import main

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(console|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]+)\)")
ROUNDED = re.compile(r"(relative error|adjoint|order|best h =|slopes?) -?[\d.e+-]+")

# These need a function that the page adds to the package, a file that it describes in words, or a terminal.
NOT_ALONE = ("geomean", "wrong.rules", "--plot", "| tail")


def examples() -> Iterator[tuple[str, str, str, str]]:
    """The page, the rule file shown before, the command, and the output, of every example."""
    for path in DOCUMENTS:
        rules = ""
        for kind, body in BLOCK.findall(path.read_text(encoding="utf-8")):
            if kind == "text":
                rules = body
                continue
            for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                if command.startswith("matcalc ") and not any(word in command for word in NOT_ALONE):
                    seed = re.search(r"seed (\d+)", output)
                    fixed = f"{command} --seed {seed[1]}" if seed and "--seed" not in command else command
                    yield path.name, rules, fixed, output


EXAMPLES = list(examples())


def links() -> Iterator[tuple[Path, str]]:
    """Each relative link of a document, with its anchor."""
    for path in DOCUMENTS:
        prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        yield from ((path, target) for target in LINK.findall(prose) if "://" not in target)


def anchors(path: Path) -> set[str]:
    """The anchors of the headings, made as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


LINKS = list(links())


def test_there_are_links() -> None:
    assert len(LINKS) >= 12
    assert any("#" in target for _, target in LINKS)


@pytest.mark.parametrize(("page", "target"), LINKS, ids=[f"{page.name}-{target}" for page, target in LINKS])
def test_a_link_leads_somewhere(page: Path, target: str) -> None:
    name, _, anchor = target.partition("#")
    found = page.parent / name if name else page
    assert found.exists()
    assert not anchor or anchor in anchors(found)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 8
    assert {page for page, *_ in EXAMPLES} >= {"README.md", "verification.md", "rules.md"}


@pytest.mark.parametrize(("page", "rules", "command", "output"), EXAMPLES, ids=[f"{e[0]}-{e[2]}" for e in EXAMPLES])
def test_an_example_prints_what_it_says(
    page: str, rules: str, command: str, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.rules").write_text(rules, encoding="utf-8")
    found = [printed(command)]
    if command.startswith("matcalc diff"):
        found.append(printed(f"{command} --format unicode"))  # as on a terminal
    assert comparable(output) in [comparable(text) for text in found]


def printed(command: str) -> str:
    """What a command prints; in a process of its own where it loads rules, which would stay."""
    arguments = shlex.split(command)[1:]
    if "--rules" not in arguments:
        return CliRunner().invoke(main, arguments).output
    run = subprocess.run([sys.executable, "-m", "matcalc", *arguments], capture_output=True, text=True, check=False)
    return run.stdout + run.stderr


def comparable(text: str) -> str:
    return ROUNDED.sub(r"\1 …", "\n".join(line.rstrip() for line in text.strip().split("\n")))
