"""URLs and the secrets in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whispr_daemon.domain.address import apart, masked, masked_in

SECRETS = st.text(st.characters(codec="utf-8"), min_size=4)


@pytest.mark.parametrize(
    ("url", "open_to_all", "password", "shown"),
    [
        ("redis://c:6379/0", "redis://c:6379/0", "", "redis://c:6379/0"),
        ("redis://:p@c/0", "redis://c/0", "p", "redis://:********@c/0"),
        ("redis://[::1]:6379", "redis://[::1]:6379", "", "redis://[::1]:6379"),
        ("postgresql://u@h/d?a=b", "postgresql://u@h/d?a=b", "", "postgresql://u@h/d?a=b"),
        ("postgresql://u:p%40%2F@h/d", "postgresql://u@h/d", "p@/", "postgresql://u:********@h/d"),
        ("postgresql://u:p@q@h/d", "postgresql://u@h/d", "p@q", "postgresql://u:********@h/d"),
        (
            "postgresql://h1:5432,h2/d?password=p&a=b",
            "postgresql://h1:5432,h2/d?a=b",
            "p",
            "postgresql://h1:5432,h2/d?password=********&a=b",
        ),
        (
            "postgresql:///d?host=/tmp&pass%77ord=p",
            "postgresql:///d?host=/tmp",
            "p",
            "postgresql:///d?host=/tmp&pass%77ord=********",
        ),
    ],
)
def test_a_password_is_taken_out_of_its_url(
    url: str, open_to_all: str, password: str, shown: str
) -> None:
    assert apart(url) == (open_to_all, password)
    assert masked(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:se/cr#et@h/db",
        "postgresql://u:12/34@h/db",
        "postgresql://u:12?34@h/db",
        "postgresql://u:12#34",
        "postgresql://u:p w@h/db",
        "postgresql://u:p\nw@h/db",
        "postgresql://u:p@h/db?token=t",
        "postgresql://u:p@h/db?password=q",
        "hush",
    ],
)
def test_what_may_be_half_a_password_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"should|two") as caught:
        apart(url)
    assert url.partition("://")[2] not in str(caught.value) or "://" not in url


@given(SECRETS)
def test_no_password_is_shown_however_it_is_written(secret: str) -> None:
    for url in (f"postgresql://user:<{secret}>@host/db", f"redis://c/0?password=<{secret}>&x=1"):
        assert f"<{secret}>" not in masked(url)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no redis://:p@c/0, again", "no redis://:********@c/0, again"),
        ("('redis://u:p@c/0')", "('redis://u:********@c/0')"),
        ("see http://127.0.0.1:8321/readyz.", "see http://127.0.0.1:8321/readyz."),
        ("a redis://u:s/e#c@h b", "a redis://******** b"),
    ],
)
def test_urls_in_a_text_are_masked_where_they_stand(text: str, shown: str) -> None:
    assert masked_in(text) == shown
