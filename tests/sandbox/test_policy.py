"""Policies and requests are plain data; what a room shows never holds the course."""

from __future__ import annotations

import dataclasses
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from torchgrade.model import Limits, Tier
from torchgrade.sandbox import policy
from torchgrade.sandbox.policy import FULL, LANDLOCK, NONE, OF_TIER, Policy, request_from_json
from torchgrade.sandbox.room import make_request, room_environment

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("tier", list(Tier))
def test_a_request_survives_json(tier):
    request = make_request(
        OF_TIER[tier], Limits(memory_mb=77, cell_seconds=1.5), wall_seconds=9.5, threads=3, gpu=True,
        hidden=("/a", "/b c"), data_root="/data sets",
    )  # fmt: skip
    again = request_from_json(request.to_json())
    assert again == request and isinstance(again.policy.tier, Tier) and isinstance(again.read_only, tuple)


def test_full_has_every_defence_and_none_has_no_wall():
    switches = [f.name for f in dataclasses.fields(Policy) if f.name != "tier"]
    assert all(getattr(FULL, s) for s in switches)
    assert not any(getattr(NONE, s) for s in switches if s != "watchdog")
    assert {s for s in switches if not getattr(LANDLOCK, s)} == {s for s in switches if s.endswith("_namespace")}


def test_requests_differ_in_name_key_and_user():
    requests = [make_request(FULL, Limits(), wall_seconds=1) for _ in range(20)]
    assert len({r.name for r in requests}) == len({r.key for r in requests}) == 20
    assert len({r.uid for r in requests}) > 10
    assert all(policy.FIRST_UID <= r.uid < policy.FIRST_UID + policy.UIDS < 65_534 for r in requests)
    assert all(len(r.key) >= 32 for r in requests)


def test_readable_paths_do_not_hold_the_checkout():
    paths = [Path(p).resolve() for p in policy.readable_paths()]
    for forbidden in (
        CHECKOUT,
        CHECKOUT / "src",
        CHECKOUT / "graders",
        Path.home(),
        Path("/"),
        Path("/etc"),
        Path("/tmp"),
    ):
        assert not any(forbidden.is_relative_to(p) for p in paths), forbidden
    assert any(Path(os.__file__).resolve().is_relative_to(p) for p in paths)
    assert any(Path(sys.prefix).resolve().is_relative_to(p) for p in paths)


def test_readable_paths_have_none_below_another():
    paths = [p for p in policy.readable_paths() if not Path(p).is_symlink()]
    assert not [(a, b) for a in paths for b in paths if a != b and Path(a).is_relative_to(b)]


def test_an_environment_behind_a_link_is_shown_whole(monkeypatch, tmp_path):
    """A virtual environment may be a link to another disk; the link alone leads nowhere."""
    (tmp_path / "disk" / "venv").mkdir(parents=True)
    (tmp_path / "venv").symlink_to(tmp_path / "disk" / "venv")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    assert {str(tmp_path / "venv"), str(tmp_path / "disk" / "venv")} <= set(policy.readable_paths())


def test_a_folder_on_the_path_that_is_no_site_packages_stays_out(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(tmp_path))
    assert not any(str(tmp_path).startswith(p) for p in policy.readable_paths())


def test_the_rooms_environment_holds_nothing_of_the_harness(monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "CANARY")
    environment = room_environment("/home/student", "/tmp", 2)
    assert "CANARY" not in environment.values() and environment["OMP_NUM_THREADS"] == "2"
    assert environment["HOME"] == "/home/student"


def test_a_request_does_not_say_what_is_examined():
    request = make_request(replace(FULL), Limits(), wall_seconds=1)
    assert {f.name for f in dataclasses.fields(request)} == {
        "name", "key", "policy", "limits", "wall_seconds", "threads", "gpu", "home", "uid", "read_only", "hidden",
        "data_root", "tools", "environment", "folder", "gpu_fraction", "gpu_memory_mb", "nvidia_smi",
        "wanted",
    }  # fmt: skip
