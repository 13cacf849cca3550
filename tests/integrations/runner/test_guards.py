"""Whether backup credentials could delete backups: what is known from the configuration alone."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from integrations.runner.litestream.replica import Replica
from integrations.runner.pgbackrest.guard import guard
from integrations.runner.pgbackrest.owner import Owner
from integrations.runner.pgbackrest.repository import Repository
from integrations.runner.restic.repository import Repository as Snapshots


def _guard(home: Path, settings: str, number: str = "1") -> dict[str, object]:
    config = home / "pgbackrest.conf"
    config.write_text(f"[global]\n{settings}\n[orders]\npg1-path=/d\n")
    me = pwd.getpwuid(os.geteuid())
    owner = Owner(me.pw_name, me.pw_uid, me.pw_gid, str(home))
    return guard(Repository(home / "pgbackrest", config, "orders", number, home / "data", owner))


def test_a_repository_in_a_folder_is_judged_by_the_folder(tmp_path: Path) -> None:
    found = _guard(tmp_path, f"repo2-path={tmp_path}", "2")
    assert found["deletes"] is True
    assert str(found["because"]).endswith(f" may write in {tmp_path}")
    (tmp_path / "backup" / "orders").mkdir(parents=True)
    assert str(_guard(tmp_path, f"repo1-type=cifs\nrepo1-path={tmp_path}")["because"]).endswith(
        "/backup/orders"
    )
    missing = _guard(tmp_path, f"repo1-path={tmp_path / 'nowhere'}")
    assert missing["deletes"] is False


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            "repo1-type=s3\nrepo1-s3-bucket=orders-backups",
            "the rights of these credentials in s3:orders-backups decide, and asking would touch it: only an "
            "Object Lock, or a policy that denies s3:DeleteObject and s3:DeleteObjectVersion would keep them",
        ),
        (
            "repo1-type=gcs\nrepo1-gcs-bucket=b\nrepo1-retention-full=2\nexpire-auto=n",
            "the rights of these credentials in gcs:b decide, and asking would touch it: only a locked "
            "retention policy of the bucket, or a role without storage.objects.delete would keep them",
        ),
        (
            "repo1-type=azure\nrepo1-azure-container=c\nrepo1-retention-full=2",
            "would keep them; repo1-retention-full=2 has every backup delete older ones with these very "
            "credentials, so where that works they can delete",
        ),
        (
            "repo1-type=sftp\nrepo1-sftp-host=vault",
            "in sftp:vault decide, and asking would touch it: only an account",
        ),
        ("repo1-host=vault", "they lie on vault, where pgBackRest works as pgbackrest; ask there whether"),
        ("repo1-host=vault\nrepo1-host-user=keeper", "whether keeper may write in the repository"),
    ],
)
def test_of_a_storage_is_said_what_decides_there(tmp_path: Path, settings: str, says: str) -> None:
    found = _guard(tmp_path, settings)
    assert found["deletes"] is None
    assert says in str(found["because"])


def test_restic_and_litestream_say_the_same_of_theirs_without_a_password(tmp_path: Path) -> None:
    def restic(url: str) -> dict[str, object]:
        folder = tmp_path / "f"
        return Snapshots(tmp_path / "restic", url, tmp_path / "p", folder, tmp_path / "n", folder).guard()

    assert restic(f"local:{tmp_path}")["deletes"] is True
    served = restic("rest:https://u:pw@host/")
    assert served["deletes"] is None
    assert str(served["because"]).startswith(
        "the rights of these credentials in rest:https://u:•••@host/ decide"
    )
    assert str(served["because"]).endswith("only `--append-only` of its server would keep them")
    assert "s3:DeleteObject" in str(restic("s3:host/bucket")["because"])
    assert "storage.objects.delete" in str(restic("gs:bucket:/")["because"])
    assert "only" not in str(restic("rclone:x:y")["because"])
    replica = Replica(tmp_path / "litestream", "abs://account@c/ledger", tmp_path)
    assert "immutability policy" in str(replica.guard()["because"])
