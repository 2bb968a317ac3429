"""An address where no scheduler is, or something else, is one line, and soon."""

from __future__ import annotations

import logging
import socket

import pytest

pytest.importorskip("distributed", reason="needs the extra `dask`")


@pytest.fixture
def mute():
    """An address that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


def refusal(scheduler, monkeypatch):
    from wdist_bench.runs import cluster

    monkeypatch.setattr(cluster, "_ANSWER", 0.5)
    before = logging.getLogger("distributed").level
    with pytest.raises(cluster.SchedulerError) as caught:
        cluster.DaskEngine(str(scheduler))
    assert logging.getLogger("distributed").level == before
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(f"dask: expected a scheduler at {scheduler}, got none that answers (")
    assert "start one with `dask scheduler`" in said
    return said


def test_a_closed_port_and_a_mute_one_are_given_up(mute, monkeypatch):
    assert "no word within 0.5 s" in refusal(mute, monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "no word within 0.5 s" in refusal(f"tcp://127.0.0.1:{port}", monkeypatch)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1", "tls://127.0.0.1:1", "nonsense", "", "tcp://[::1"]
)
def test_an_address_of_another_kind_is_named(address, monkeypatch):
    assert "no word" not in refusal(address, monkeypatch)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"address": "nonsense"}'])
def test_a_file_that_is_no_schedulers_is_named(tmp_path, content, monkeypatch):
    (tmp_path / "scheduler.json").write_text(content)
    refusal(tmp_path / "scheduler.json", monkeypatch)
