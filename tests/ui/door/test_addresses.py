"""Where the app listens and what it is called: IPv4, IPv6 and names, on this machine or beyond."""

from __future__ import annotations

import socket

import pytest

from gblm_viz.core.base.errors import GblmError
from gblm_viz.ui.door import addresses


@pytest.mark.parametrize(("host", "local"), [
    ("127.0.0.1", True), ("127.8.9.10", True), ("::1", True), ("[::1]", True), ("localhost", True),
    ("LocalHost.", True), ("::ffff:127.0.0.1", True), ("0:0:0:0:0:0:0:1", True),
    ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("fe80::1", False), ("", False), ("localhost.evil", False),
    ("127.0.0.1.evil.example", False), ("::ffff:10.0.0.1", False), ("128.0.0.1", False)])
def test_only_this_machines_own_addresses_are_local(host: str, local: bool) -> None:
    assert addresses.is_loopback(host) is local


@pytest.mark.parametrize(("host", "opens"), [
    ("127.0.0.1", "http://127.0.0.1:7860/"), ("localhost", "http://localhost:7860/"), ("::1", "http://[::1]:7860/"),
    ("[::1]", "http://[::1]:7860/"), ("0.0.0.0", "http://127.0.0.1:7860/"), ("::", "http://[::1]:7860/"),
    ("fe80::1%eth0", "http://[fe80::1%25eth0]:7860/"), ("10.0.0.7", "http://10.0.0.7:7860/")])
def test_the_printed_link_opens(host: str, opens: str) -> None:
    assert addresses.link(host, 7860) == opens


@pytest.mark.parametrize(("header", "host"), [
    ("127.0.0.1:7860", "127.0.0.1"), ("[::1]:7860", "::1"), ("[::1]", "::1"),
    ("Viz.School.Example.", "viz.school.example"),
    ("a_b:80", "a_b"), ("", None), ("::1", None), ("[::1", None), ("[zz]:1", None), ("a b", None), ("a/b", None),
    ("a:b", None), ("a:123456", None), ("<b>", None), ("evil.example@127.0.0.1", None), ("a" * 300, None),
    ("127.0.0.1\\evil", None), ("a..b", None)])
def test_a_host_header_is_read_strictly(header: str, host: str | None) -> None:
    assert addresses.split_port(header) == host


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.parametrize(("host", "reached"), [
    ("127.0.0.1", ("127.0.0.1",)), ("localhost", ("127.0.0.1",)), ("::1", ("::1",)), ("[::1]", ("::1",)),
    ("::", ("::1", "127.0.0.1"))])
def test_what_listens_is_reached(host: str, reached: tuple[str, ...]) -> None:
    if ":" in host and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with addresses.listen(host, None) as listening:
        port = listening.getsockname()[1]
        assert addresses.FIRST_PORT <= port < addresses.FIRST_PORT + addresses.PORTS
        for one in reached:
            socket.create_connection((one, port), timeout=5).close()


@pytest.mark.parametrize(("host", "key"), [
    ("no.such.name.invalid", "host_unknown"), ("192.0.2.1", "host_refused"), ("a b", "host_unknown"),
    ("x" * 70 + ".example", "host_unknown")])
def test_an_address_that_is_not_this_machines_is_a_sentence(host: str, key: str) -> None:
    with pytest.raises(GblmError) as refused:
        addresses.listen(host, 7999)
    assert refused.value.key == key and host in str(refused.value)


def test_a_taken_port_is_a_sentence_and_without_one_the_next_is_used() -> None:
    with addresses.listen("127.0.0.1", None) as first:
        taken = first.getsockname()[1]
        with pytest.raises(GblmError) as refused:
            addresses.listen("127.0.0.1", taken)
        assert refused.value.key == "port_taken" and str(taken) in str(refused.value)
        with addresses.listen("127.0.0.1", None) as second:
            assert second.getsockname()[1] > taken


@pytest.mark.parametrize("given", ["a b", "", "http://a", "a/b", "[::1", "<x>"])
def test_a_name_to_answer_to_is_a_name(given: str) -> None:
    with pytest.raises(ValueError):
        addresses.host_name(given)


def test_a_name_to_answer_to_is_kept_as_headers_write_it() -> None:
    assert [addresses.host_name(one) for one in ("Viz.Example", "::1", "[::1]:80", "10.0.0.1")] == [
        "viz.example", "::1", "::1", "10.0.0.1"]
