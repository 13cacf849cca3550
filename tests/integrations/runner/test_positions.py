"""Where timelines branch off, only the segments of the way that was gone on with count."""

from __future__ import annotations

from datetime import UTC, datetime

from integrations.runner.pgbackrest.positions import Archive, Archived, Fork

_SIZE = 1 << 20
_THERE = Archived(datetime(2026, 11, 23, 2, 10, tzinfo=UTC), _SIZE)


def _archive(*, of_second: range) -> Archive:
    """Timeline 1 went on up to segment 9; timeline 2 left it in the middle of segment 5."""
    first = dict.fromkeys(range(10), _THERE)
    return Archive(
        _SIZE,
        segments={1: first, 2: dict.fromkeys(of_second, _THERE)},
        ancestors={2: [Fork(1, 5 * _SIZE + 100)]},
    )


def test_a_segment_in_which_a_timeline_was_left_is_not_on_the_way() -> None:
    archive = _archive(of_second=range(0))
    assert (archive.holder(4, 2), archive.holder(5, 2), archive.holder(6, 2)) == (1, None, None)
    assert (archive.last(2), archive.last(1)) == (4, 9)
    assert list(archive.missing(4, 5, 2)) == [archive.name(2, 5)]


def test_the_segment_that_goes_on_from_there_is() -> None:
    archive = _archive(of_second=range(5, 7))
    assert (archive.holder(4, 2), archive.holder(5, 2), archive.last(2)) == (1, 2, 6)
    assert not list(archive.missing(0, 6, 2))
    assert archive.holder(5, 1) == 1


def test_a_timeline_that_was_left_at_the_end_of_a_segment_keeps_that_segment() -> None:
    archive = Archive(_SIZE, {1: {4: _THERE}}, {2: [Fork(1, 5 * _SIZE)]})
    assert (archive.holder(4, 2), archive.holder(5, 2)) == (1, None)
