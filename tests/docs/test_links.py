"""Links lead somewhere, as GitHub shows the pages; `make docs` says the same of the site."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.pages import HOME, PAGES, anchors, prose, text_of

_LINK = re.compile(r"\[(?:[^\]]|\](?!\())*\]\(<?([^)>\s]+)>?(?: \"[^\"]*\")?\)")


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_and_anchors_lead_somewhere(page: Path):
    """Each link to a file of the repository finds it, each anchor finds its heading."""
    lost = []
    for link in _LINK.findall(re.sub(r"`[^`]*`", "", prose(page))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (HOME / page.parent / path).resolve() if path else HOME / page
        is_there = target.is_relative_to(HOME) and target.exists()
        if not is_there or (anchor and anchor not in anchors(target.relative_to(HOME))):
            lost.append(link)
    assert lost == []


def test_lost_links_are_seen(tmp_path):
    """The pattern finds links in all the forms the pages use."""
    text = '[a](b.md) [`c`](d.md#e "title") ![f](g.png) [h](#i)'
    assert _LINK.findall(text) == ["b.md", "d.md#e", "g.png", "#i"]


def test_no_page_is_out_of_reach():
    """Each page of the documentation is in the site's menu."""
    text = (HOME / "docs" / "conf.py").read_text()
    for page in PAGES:
        if page.parts[0] == "docs" and page.name != "index.md":
            name = page.relative_to("docs").with_suffix("").as_posix()
            assert f'"{name}"' in text or f'"{page.parts[1]}/*"' in text, page


def test_figures_of_the_first_page_stand_where_it_says():
    """Each measured number of the README, and its command, is on the page it links to."""
    rows = re.findall(
        r"^\| (.*?) \| \[.*?\]\((.*?)\) \| `(.*?)` \|$", text_of(Path("README.md")), re.M
    )
    assert len(rows) >= 4
    for told, page, command in rows:
        there = text_of(Path(page))
        assert command.partition(" --")[0] in there, (command, page)
        for number in re.findall(r"-?\d+\.\d+", told):
            assert number in there, (number, page)
