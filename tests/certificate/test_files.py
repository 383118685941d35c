"""Writing: whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tpproof.certificate.files import staged, write_atomically
from tpproof.errors import TpproofError


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    write_atomically(tmp_path / "deep" / "er" / "a.json", b"content")
    assert (tmp_path / "deep/er/a.json").read_bytes() == b"content"
    assert (tmp_path / "deep/er/a.json").stat().st_mode & 0o777 == 0o644


def test_nothing_changes_when_the_block_fails(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    contents = {tmp_path / "a": b"new", tmp_path / "b": b"new"}
    with pytest.raises(KeyError), staged(contents) as temporary:
        assert temporary[tmp_path / "a"].read_bytes() == b"new"
        assert (tmp_path / "a").read_bytes() == b"old"
        raise KeyError
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_file_added_in_the_block_is_placed_with_the_others(tmp_path: Path) -> None:
    with staged({tmp_path / "a": b"1"}) as staging:
        staging.write(tmp_path / "b", staging[tmp_path / "a"].read_bytes() + b"2")
        assert not (tmp_path / "b").exists()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a": b"1", "b": b"12"}


def test_an_added_file_that_cannot_be_written_takes_the_others_with_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TpproofError), staged({tmp_path / "a": b"1"}) as staging:
        staging.write(tmp_path / "file/x", b"2")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


def test_a_place_that_cannot_be_written_is_e140_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TpproofError) as caught, staged({tmp_path / "ok": b"1", tmp_path / "file/x": b"2"}):
        pytest.fail("the block must not run")
    assert caught.value.code == "E140"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TpproofError, match="No space left"):
        write_atomically(tmp_path / "a", b"content")
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_not_replaced_and_a_link_leads_on(tmp_path: Path) -> None:
    with pytest.raises(TpproofError, match="no regular file"):
        write_atomically(Path(os.devnull), b"x")
    assert not Path(os.devnull).is_file()
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert sorted(tmp_path.iterdir()) == [link, target]


@pytest.mark.parametrize("name", ["n" * 300, "loop", "loop/inside"])
def test_a_name_that_no_file_can_have_is_e140(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(TpproofError, match="E140"):
        write_atomically(tmp_path / name, b"x")


def test_a_name_of_the_longest_kind_can_be_written(tmp_path: Path) -> None:
    place = tmp_path / ("😀" * 62 + ".tex")
    write_atomically(place, b"x")
    assert [*tmp_path.iterdir()] == [place]


def test_folders_that_were_made_for_nothing_are_removed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()

    def fail() -> None:
        with staged({tmp_path / "there/a/b/c": b"x", tmp_path / "there/a/d/e": b"y"}):
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [*tmp_path.rglob("*")] == [tmp_path / "there"]
