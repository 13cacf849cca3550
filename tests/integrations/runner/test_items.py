"""Which index pg_restore builds is read from its own lines, with one job and with several."""

from __future__ import annotations

from pathlib import Path

import pytest

from integrations.runner.postgres.items import Items
from integrations.runner.postgres.server import Server

ALONE = """\
pg_restore: connecting to database for restore
pg_restore: creating TABLE "shop.orders"
pg_restore: processing data for table "shop.orders"
|
pg_restore: creating CONSTRAINT "shop.orders orders_pkey"
|building index orders_pkey
pg_restore: creating INDEX "shop.orders_total"
|building index orders_total
pg_restore: creating FK CONSTRAINT "shop.lines lines_id_fkey"
|checking foreign key lines_id_fkey
pg_restore: creating TRIGGER "shop.orders audit"
|
"""
SEVERAL = """\
pg_restore: processing item 3 TABLE orders
pg_restore: launching item 10 TABLE DATA orders
pg_restore: launching item 11 TABLE DATA lines
pg_restore: finished item 10 TABLE DATA orders
pg_restore: launching item 20 CONSTRAINT orders orders_pkey
pg_restore: creating CONSTRAINT "shop.orders orders_pkey"
|
pg_restore: finished item 11 TABLE DATA lines
|building index orders_pkey
pg_restore: launching item 21 INDEX orders_total
|building index orders_pkey and building index orders_total
pg_restore: finished item 20 CONSTRAINT orders orders_pkey
pg_restore: finished item 21 INDEX orders_total
pg_restore: finished main parallel loop
|
"""


@pytest.mark.parametrize("written", [ALONE, SEVERAL])
def test_an_index_is_named_once_no_rows_are_copied_any_more(tmp_path: Path, written: str) -> None:
    # There is no server to ask for figures, which says nothing about the restore.
    server = Server(tmp_path, str(tmp_path), "5432", "nobody")
    with (tmp_path / "said").open("w+") as said:
        items = Items(server, "orders", said)
        for line in written.splitlines():
            if line.startswith("|"):
                said.flush()
                assert items.doing() == line[1:]
            else:
                said.write(f"{line}\n")


def test_half_a_line_is_read_once_it_is_whole(tmp_path: Path) -> None:
    server = Server(tmp_path, str(tmp_path), "5432", "nobody")
    with (tmp_path / "said").open("w+") as said:
        items = Items(server, "orders", said)
        said.write("pg_restore: launching item 20 IND")
        said.flush()
        assert items.doing() == ""
        said.write("EX orders_total\n")
        said.flush()
        assert items.doing() == "building index orders_total"
