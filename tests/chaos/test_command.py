"""What ``ops/chaos`` refuses to do, and says so."""

import pytest

from tests.chaos.__main__ import main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--kill", "api"), "there is no API process yet"),
        (("--kill", "host,moon"), "moon: should be all, or among daemon, host"),
        (("--minutes", "0"), "0 is no time"),
    ],
)
def test_a_mistake_is_answered_with_what_would_be_right(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())
