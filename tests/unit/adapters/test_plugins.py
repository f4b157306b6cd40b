"""How functions of the rule language are found, and what is said of one that cannot be."""

import shutil
from pathlib import Path

import pytest

from whispr_daemon.adapters import plugins
from whispr_daemon.domain.errors import SettingsError

GOOD = """
from whispr_daemon.ports.function import RuleFunction

F = RuleFunction(
    name="f_of_{package}", series=("x",), warmup=1, pure=True, about="", compute=lambda x: x[-1]
)
"""


class Site:
    """A folder of installed packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, package: str, entry: str, code: str = GOOD) -> None:
        """Install a package that offers one rule function by ``name = object``."""
        (self.folder / f"{package}.py").write_text(code.replace("{package}", package))
        info = self.folder / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[whispr.functions]\n{entry}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """An empty folder that is searched first."""
    monkeypatch.syspath_prepend(tmp_path)
    return Site(tmp_path)


def test_what_packages_offer_is_found(site: Site) -> None:
    site.install("pack_one", "f_of_pack_one = pack_one:F")
    assert "f_of_pack_one" in [function.name for function in plugins.functions()]


def test_what_is_installed_or_uninstalled_meanwhile_is_known_at_once(site: Site) -> None:
    before = {function.name for function in plugins.functions()}
    site.install("pack_four", "f_of_pack_four = pack_four:F")
    assert {function.name for function in plugins.functions()} == {*before, "f_of_pack_four"}
    shutil.rmtree(site.folder / "pack_four-1.0.dist-info")
    assert {function.name for function in plugins.functions()} == before


def test_what_is_installed_is_read_once_for_all_who_ask() -> None:
    first = plugins.installed()
    assert plugins.installed() is first


@pytest.mark.parametrize(
    ("package", "entry", "code", "why"),
    [
        ("gone", "g = no_such_module:F", GOOD, r"g \(no_such_module:F of gone\) fails on import"),
        ("broken", "b = broken:F", "1 / 0", r"broken:F of broken\) fails on import: ZeroDivision"),
        ("lacking", "b = lacking:G", GOOD, r"lacking:G of lacking\) fails on import: Attribute"),
        ("plain", "b = plain:F", "F = abs", "of plain.*must be a .*RuleFunction"),
        ("other", "b = other:F", GOOD, "of other.*calls itself 'f_of_other'"),
    ],
)
def test_a_broken_one_is_named_with_its_distribution(
    site: Site, package: str, entry: str, code: str, why: str
) -> None:
    site.install(package, entry, code)
    with pytest.raises(SettingsError, match=why):
        plugins.functions()


def test_two_of_one_name_are_refused_with_both_distributions(site: Site) -> None:
    site.install("pack_two", "same = pack_two:F")
    site.install("pack_three", "same = pack_three:F")
    with pytest.raises(SettingsError, match=r"rule function named 'same'.* of pack_.* of pack_"):
        plugins.functions()
