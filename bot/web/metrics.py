"""Figures for operators: `GET /metrics` in Prometheus' text format. Ids and names are never labels."""

from __future__ import annotations

import time
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from bot.core import freeze as freezes
from bot.timeline import Timeline
from bot.web.request import DESK
from integrations.contract import IntegrationError


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of one door."""

    registry: CollectorRegistry
    requests: Counter
    seconds: Histogram
    gate_answers: Counter
    database: Gauge
    dispatching: Gauge
    effects: Gauge
    incidents: Gauge
    freezes: Gauge


METRICS = web.AppKey("metrics", Metrics)


def new_metrics() -> Metrics:
    """Return figures that start at nothing."""
    registry = CollectorRegistry()

    def gauge(name: str, says: str, *labels: str) -> Gauge:
        return Gauge(f"backstop_{name}", says, labels, registry=registry)

    return Metrics(
        registry,
        requests=Counter(
            "backstop_http_requests",
            "Requests answered, by address and status.",
            ("method", "route", "status"),
            registry=registry,
        ),
        seconds=Histogram(
            "backstop_http_request_seconds", "How long answers took.", ("route",), registry=registry
        ),
        gate_answers=Counter(
            "backstop_gate_answers", "Answers of the gate, by decision.", ("decision",), registry=registry
        ),
        database=gauge("database_up", "1 when the database can be read."),
        dispatching=gauge("dispatching", "1 when this process carries effects out, 0 when it stands by."),
        effects=gauge("effects", "Effects in the queue; troubled ones failed at least once.", "state"),
        incidents=gauge("incidents_open", "Incidents that are open."),
        freezes=gauge("freezes_in_force", "Freezes that are in force."),
    )


@web.middleware
async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count every answer and how long it took."""
    metrics = request.app[METRICS]
    resource = request.match_info.route.resource
    route = resource.canonical if resource else "unmatched"
    began, status = time.perf_counter(), 500
    try:
        response = await handler(request)
        status = response.status
    except web.HTTPException as problem:
        status = problem.status
        raise
    finally:
        method = request.method if request.method in {"GET", "HEAD", "POST"} else "other"
        metrics.requests.labels(method, route, str(status)).inc()
        metrics.seconds.labels(route).observe(time.perf_counter() - began)
    return response


async def show(request: web.Request) -> web.Response:
    """Answer with the figures; those of the database are left out while it cannot be read."""
    metrics = request.app[METRICS]
    metrics.dispatching.set(request.app[DESK].timeline.duty.held)
    try:
        await _look(metrics, request.app[DESK].timeline)
    except IntegrationError:
        metrics.database.set(0)
        for figure in (metrics.incidents, metrics.freezes):
            figure.set(float("nan"))
        metrics.effects.clear()
    return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _look(metrics: Metrics, timeline: Timeline) -> None:
    metrics.incidents.set(len(await timeline.lookup.incidents(only_open=True)))
    folded = (freezes.fold(entries) for entries in (await timeline.frozen()).values())
    metrics.freezes.set(sum(1 for freeze in folded if freeze and freeze.in_force(timeline.now())))
    metrics.effects.labels("waiting").set(await timeline.effects.waiting())
    metrics.effects.labels("troubled").set(len(await timeline.effects.troubled()))
    metrics.database.set(1)
