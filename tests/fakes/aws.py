"""AWS on loopback: RDS as moto plays it, with the time that instances take; AWS Backup from its model."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import aiohttp
import boto3
import botocore.session
from aiohttp import web
from botocore.validate import ParamValidator
from moto.server import ThreadedMotoServer

from integrations.contract import Json, Source, Target

REGION, SECRET = "eu-central-1", "aws-canary-7d1f"
_CREATED = re.compile(r"<DBInstanceIdentifier>([^<]+)</DBInstanceIdentifier>")
_STATUS = "<DBInstanceStatus>available</DBInstanceStatus>"


def credentials(home: Path) -> None:
    """Write the file of credentials that the settings name."""
    keys = f"[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = {SECRET}\n"
    (home / "aws-keys").write_text(keys, encoding="utf-8")


@contextmanager
def moto() -> Iterator[str]:
    """Serve moto in a thread; its state is its own and empty."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        # What moto knows belongs to the process, not to the server.
        urllib.request.urlopen(f"http://{host}:{port}/moto-api/reset", data=b"", timeout=10).close()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@dataclass
class Rds:
    """Stands before moto: instances take a few looks to be made, and moments to come are refused."""

    url: str = ""
    busy: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    looks: int = 2
    fails: Callable[[str], int | None] = lambda _: None

    @property
    def settings(self) -> dict[str, Json]:
        return {"region": REGION, "credentials": "aws-keys", "endpoint": self.url, "instance": "orders"}

    @property
    def target(self) -> Target:
        return Target("orders-rds", "aws-rds", "production", settings=self.settings)

    @property
    def source(self) -> Source:
        return Source("orders-snapshots", "aws-rds", self.settings)

    async def furnish(self) -> None:
        """Make an instance `orders` and take a snapshot of it by hand."""
        busy, self.looks = self.looks, 0
        await asyncio.to_thread(self._furnish)
        self.looks, self.asked = busy, []

    def _furnish(self) -> None:
        keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": SECRET}
        client = boto3.client("rds", region_name=REGION, endpoint_url=self.url, **keys)
        client.create_db_instance(
            DBInstanceIdentifier="orders",
            DBInstanceClass="db.t3.medium",
            Engine="postgres",
            AllocatedStorage=20,
            BackupRetentionPeriod=7,
        )
        tags = [{"Key": "release", "Value": "2.3.0"}, {"Key": "commit", "Value": "b77c0de"}]
        names = {"DBInstanceIdentifier": "orders", "DBSnapshotIdentifier": "orders-2-3-0"}
        client.create_db_snapshot(**names, Tags=tags)
        client.close()

    def see(self, operation: str, form: Mapping[str, list[str]], text: str) -> str:
        """Let time pass for instances that were asked for."""
        if operation.startswith("RestoreDBInstance"):
            name = (form.get("TargetDBInstanceIdentifier") or form["DBInstanceIdentifier"])[0]
            self.busy[name] = self.looks
        if operation != "DescribeDBInstances":
            return text
        for name in _CREATED.findall(text):
            if self.busy.get(name, 0) > 0:
                self.busy[name] -= 1
                text = text.replace(_STATUS, "<DBInstanceStatus>creating</DBInstanceStatus>")
        return text


@asynccontextmanager
async def rds(now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> AsyncIterator[Rds]:
    """Serve RDS."""
    with moto() as behind:
        stand = Rds()

        async def forward(request: web.Request) -> web.Response:
            body = await request.read()
            form = parse_qs(body.decode())
            operation = form.get("Action", ["?"])[0]
            stand.asked.append(operation)
            if status := stand.fails(operation):
                return web.Response(
                    status=status, text="<html>upstream is gone</html>", content_type="text/html"
                )
            moment = form.get("RestoreTime", [""])[0]
            if moment and datetime.fromisoformat(moment) > now():
                return _refused("InvalidRestoreFault", "RestoreTime is in the future")
            headers = {name: value for name, value in request.headers.items() if name != "Host"}
            async with (
                aiohttp.ClientSession(auto_decompress=False) as session,
                session.post(behind, data=body, headers=headers) as answer,
            ):
                text = stand.see(operation, form, (await answer.read()).decode())
                return web.Response(status=answer.status, text=text, content_type="text/xml")

        async with _serving(forward) as stand.url:
            yield stand


def _refused(code: str, says: str) -> web.Response:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{says}</Message></Error>"
    text = f"<ErrorResponse>{error}</ErrorResponse>"
    return web.Response(status=400, text=text, content_type="text/xml")


@dataclass
class Vault:
    """A vault of AWS Backup: what it holds, the jobs it was asked for, and how they go on."""

    url: str = ""
    locked: bool = False
    points: list[dict[str, Any]] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def reach(self) -> dict[str, Json]:
        return {"region": REGION, "credentials": "aws-keys", "endpoint": self.url, "vault": "shop"}

    @property
    def target(self) -> Target:
        more: dict[str, Json] = {
            "role": "arn:aws:iam::123456789012:role/restore",
            "name": "orders",
            "name_key": "DBInstanceIdentifier",
        }
        return Target("orders-vault", "aws-backup", "production", settings={**self.reach, **more})

    @property
    def source(self) -> Source:
        return Source("shop-vault", "aws-backup", self.reach)

    def add(self, name: str, at: datetime, status: str = "COMPLETED") -> str:
        """Add a recovery point and return its ARN."""
        arn = f"arn:aws:rds:{REGION}:123456789012:snapshot:awsbackup:{name}"
        kept = {"RecoveryPointArn": arn, "Status": status, "CreationDate": at, "CompletionDate": at}
        self.points.append({**kept, "BackupSizeInBytes": 5_000, "IsEncrypted": True, "ResourceType": "RDS"})
        return arn

    def answer(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out one operation."""
        match operation:
            case "DescribeBackupVault":
                arn = f"arn:aws:backup:{REGION}:123456789012:backup-vault:{given['BackupVaultName']}"
                held = {"NumberOfRecoveryPoints": len(self.points), "Locked": self.locked}
                return {"BackupVaultName": given["BackupVaultName"], "BackupVaultArn": arn, **held}
            case "ListRecoveryPointsByBackupVault":
                return {"RecoveryPoints": self.points}
            case "GetRecoveryPointRestoreMetadata":
                return {"RestoreMetadata": {"DBInstanceIdentifier": "orders", "Engine": "postgres"}}
            case "StartRestoreJob":
                return {"RestoreJobId": self._started(given)}
            case "ListRestoreJobs":
                return {"RestoreJobs": [self._shown(job) for job in self.jobs.values()]}
            case "GetRestoreJobMetadata":
                return {"Metadata": self.jobs[given["RestoreJobId"]]["metadata"]}
            case "DescribeRestoreJob":
                return self._shown(self.jobs[given["RestoreJobId"]])
            case _:
                raise AssertionError(operation)

    def _started(self, given: Mapping[str, Any]) -> str:
        token = given["IdempotencyToken"]
        if token not in self.tokens:
            id = self.tokens[token] = f"JOB-{len(self.jobs) + 1}"
            self.jobs[id] = {
                "RestoreJobId": id,
                "RecoveryPointArn": given["RecoveryPointArn"],
                "CreationDate": datetime.now(UTC),
                "Status": "RUNNING",
                "PercentDone": "37.50%",
                "metadata": given["Metadata"],
            }
        return self.tokens[token]

    def _shown(self, job: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in job.items() if name != "metadata"}

    def end(self, status: str = "COMPLETED", says: str = "") -> None:
        """Let every job come to an end."""
        for id, job in self.jobs.items():
            over = {"Status": status, "CompletionDate": datetime.now(UTC), "PercentDone": "100.00%"}
            made = {"CreatedResourceArn": f"arn:aws:rds:{REGION}:123456789012:db:{id.lower()}"}
            job.update(over | made | ({"StatusMessage": says} if says else {}))


@asynccontextmanager
async def vault() -> AsyncIterator[Vault]:
    """Serve AWS Backup; every request and answer is held against botocore's own model of it."""
    stand = Vault()
    model = botocore.session.get_session().get_service_model("backup")
    routes = [_route(model.operation_model(name)) for name in model.operation_names]

    async def serve(request: web.Request) -> web.Response:
        for method, pattern, operation in routes:
            found = pattern.fullmatch(request.raw_path.partition("?")[0])
            if method == request.method and found:
                given = _read(operation, request, found.groupdict(), await request.read())
                _hold(operation.input_shape, given)
                answer = stand.answer(operation.name, given)
                _hold(operation.output_shape, answer)
                return web.Response(text=json.dumps(answer, default=_epoch), content_type="application/json")
        raise web.HTTPNotFound

    async with _serving(serve) as stand.url:
        yield stand


def _route(operation: Any) -> tuple[str, re.Pattern[str], Any]:
    path = operation.http["requestUri"].partition("?")[0].rstrip("/")
    pattern = re.sub(r"\\\{(\w+)(\\\+)?\\\}", r"(?P<\1>[^/]+)", re.escape(path))
    return operation.http["method"], re.compile(f"{pattern}/?"), operation


def _read(operation: Any, request: web.Request, path: Mapping[str, str], body: bytes) -> dict[str, Any]:
    given: dict[str, Any] = json.loads(body) if body else {}
    for name, shape in operation.input_shape.members.items():
        where, called = shape.serialization.get("location"), shape.serialization.get("name", name)
        text = (
            path.get(called)
            if where == "uri"
            else request.query.get(called)
            if where == "querystring"
            else None
        )
        if text is not None:
            given[name] = _typed(shape, unquote(text) if where == "uri" else text)
    return given


def _typed(shape: Any, text: str) -> Any:
    match shape.type_name:
        case "integer":
            return int(text)
        case "timestamp":
            return datetime.fromisoformat(text)
        case _:
            return text


def _hold(shape: Any, value: Any) -> None:
    if shape is not None:
        report = ParamValidator().validate(value, shape)
        assert not report.has_errors(), report.generate_report()


def _epoch(value: datetime) -> float:
    return value.timestamp()


@asynccontextmanager
async def _serving(handler: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
