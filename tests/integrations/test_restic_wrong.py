"""A restic repository that is damaged or cannot be opened: what people are told, and what to do next."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from integrations.contract import Engine, IntegrationError, Phase
from integrations.registry import open_engines
from integrations.runner.restic.wrong import explained, hopeless
from tests.integrations.host import Host, a_host
from tests.integrations.test_restic import _backed_up, _ended, _restore
from tests.integrations.uploads import Uploads

pytestmark = pytest.mark.real


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    async with a_host(tmp_path) as made:
        yield made


@pytest.fixture
def uploads(host: Host) -> Uploads:
    return Uploads(host)


@pytest.fixture
def engine(host: Host) -> Engine:
    return open_engines(host.connections)["restic"]


def _files(uploads: Uploads, of: str) -> list[Path]:
    found = [each for each in (uploads.repository / of).rglob("*") if each.is_file()]
    for each in found:
        each.chmod(0o600)
    return found


def _plain(text: str, host: Host) -> str:
    """Return what a person reads, without what differs each time."""
    return re.sub(
        r"\b[0-9a-f]{10,64}\b", "ID", text.split(" restic: ", maxsplit=1)[0].replace(str(host.home), "HOME")
    )


async def _refused(engine: Engine, uploads: Uploads, host: Host) -> str:
    with pytest.raises(IntegrationError) as refused:
        await engine.points(uploads.source)
    assert refused.value.permanent
    return _plain(str(refused.value), host)


async def test_a_repository_that_does_not_open_is_told_with_what_to_do(
    engine: Engine, uploads: Uploads, host: Host
) -> None:
    await _backed_up(engine, uploads)
    config, password = uploads.repository / "config", host.home / "secret"
    (whole, word), config_at = (config.read_bytes(), password.read_text()), config.with_name("c")

    password.write_text("another password\n")
    assert await _refused(engine, uploads, host) == snapshot(
        "The password in HOME/secret does not open the repository HOME/repository, or the repository's keys"
        " are gone. Write the right password to that file; where it is right, bring the directory `keys` "
        "back from another copy of the repository, for without its keys nobody can read it."
    )
    (problem,) = (await engine.health(uploads.target)).problems
    assert _plain(problem, host) == await _refused(engine, uploads, host)
    password.write_text(word)

    config.rename(config_at)
    assert await _refused(engine, uploads, host) == snapshot(
        "There is no restic repository at HOME/repository, or its config file is gone. Look whether its "
        "disk or storage is there and `repository` in runner.toml names it; where only `config` is gone, "
        "bring it back from another copy of the repository. Do not run `restic init` over it."
    )
    config_at.rename(config)

    config.chmod(0o600)
    for damaged in (whole[:60], b""):
        config.write_bytes(damaged)
        assert "has a damaged config or key file" in await _refused(engine, uploads, host)
    assert await _refused(engine, uploads, host) == snapshot(
        "The repository HOME/repository has a damaged config or key file, so nothing in it can be read. "
        "Bring `config` and `keys` back from another copy of the repository, or restore from that copy; "
        "restic repairs neither, and `restic init` would not bring the backups back."
    )
    config.write_bytes(whole)

    for key in _files(uploads, "keys"):
        key.write_bytes(key.read_bytes()[:30])
    assert "has a damaged config or key file" in await _refused(engine, uploads, host)


async def test_a_damaged_index_is_told_when_a_plan_is_made_and_by_the_step(
    engine: Engine, uploads: Uploads, host: Host
) -> None:
    point = await _backed_up(engine, uploads)
    (index,) = _files(uploads, "index")
    index.write_bytes(index.read_bytes()[:50])
    uploads.forget_cache()
    uploads.damage()

    with pytest.raises(IntegrationError) as refused:
        await engine.plan(_restore(uploads, point))
    state = await _ended(engine, _restore(uploads, point))

    assert _plain(str(refused.value), host) == snapshot(
        "The index of the repository HOME/repository is damaged or incomplete, which says nothing about the"
        " backups themselves. Let nothing use the repository, run `restic rebuild-index` and then `restic "
        "check --read-data`, and plan again."
    )
    assert state.phase is Phase.FAILED
    assert _plain(state.because, host).endswith(_plain(str(refused.value), host))


@pytest.mark.parametrize("how", ["missing", "damaged"])
async def test_a_piece_that_is_gone_is_told_by_plan_step_and_proof_without_waiting_for_it(
    engine: Engine, uploads: Uploads, host: Host, how: str
) -> None:
    point = await _backed_up(engine, uploads)
    packs = _files(uploads, "data")
    for pack in packs:
        if how == "missing":
            pack.unlink()
        else:
            pack.write_bytes(pack.read_bytes()[:10])
    uploads.forget_cache()
    uploads.damage()

    with pytest.raises(IntegrationError) as refused:
        await engine.plan(_restore(uploads, point))
    state = await _ended(engine, _restore(uploads, point))
    with pytest.raises(IntegrationError) as unproved:
        await engine.verify_point(uploads.source, point)

    words = (str(refused.value), state.because, str(unproved.value))
    told = {_plain(said, host).removeprefix("The program ended with code 1: ") for said in words}
    assert {said.replace(f" {how} ", " HOW ") for said in told} == snapshot(
        {
            "A piece of the backup (pack ID) is HOW in the repository HOME/repository: what needs it cannot"
            " be restored from there. Choose another snapshot or take another copy of the repository; "
            "`restic check --read-data` names all that is damaged."
        }
    )
    assert state.phase is Phase.FAILED
    assert "retrying after" in state.because
    assert not list((uploads.repository / "locks").iterdir())


@pytest.mark.parametrize(
    ("version", "command"),
    [("restic 0.14.0", "rebuild-index"), ("restic 0.16.0", "repair index"), ("restic 1.0.1", "repair index")],
)
def test_the_index_is_rebuilt_in_the_words_of_the_version(version: str, command: str) -> None:
    lines = ["Fatal: load <index/0c5cbf17fd>: invalid data returned"]
    told = explained(lines, url="/r", password_file="/p", version=lambda: version)
    assert f"run `restic {command}` and then" in told


def test_what_nobody_knows_is_not_explained_and_what_may_pass_is_waited_for() -> None:
    assert explained(["Fatal: no space"], url="/r", password_file="/p", version=str) == ""
    cut = ["Load(<data/83e383ce64>, 245, 640) returned error, retrying after 1.080381816s: EOF"]
    assert hopeless(cut, here=True)
    assert not hopeless(cut, here=False)
    assert not hopeless(["Load(<index/1>) returned error, retrying after 1s: timeout"], here=True)
