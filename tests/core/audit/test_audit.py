"""Every entry is an event of the formats that collectors read, whatever people wrote in it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from typing import Any, get_args

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from bot.core import events
from bot.core.audit import Origin, Record, cloudevent, ocsf, syslog
from bot.core.audit.ocsf import ACTS, REFUSED, RESTORING, severity_of
from bot.core.audit.record import line
from bot.core.events import Event
from tests.core.everything import HOSTILE, SAMPLES, entry
from tests.official import contract

ORIGIN = Origin("https://backstop.example", "ops-1", "0.1.0", 32473)
NAMES = {6003: "api_activity", 7001: "remediation_activity"}
KINDS = {event.kind for _, event in SAMPLES}


def record(stream: str, event: Event | None, kind: str = "", **other: Any) -> Record:
    found = entry(stream, event)
    kind = event.kind if event is not None else kind
    return Record(found, kind, "INC-1", "p" * 64, "d" * 64, **other)


@cache
def schema(number: int) -> jsonschema_rs.Validator:
    made = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.8.0"))
    return jsonschema_rs.Draft202012Validator(made.get_class_schema(class_name=NAMES[number]))


def checked(made: dict[str, Any]) -> dict[str, Any]:
    """Return an event after its class's own schema took it as it goes over a wire."""
    errors = [error.message for error in schema(made["class_uid"]).iter_errors(json.loads(line(made)))]
    assert errors == []
    return made


@pytest.mark.parametrize(("stream", "event"), SAMPLES)
def test_every_event_is_a_valid_one_of_its_ocsf_class(stream: str, event: Event) -> None:
    made = checked(ocsf(record(stream, event), ORIGIN))
    assert made["class_uid"] == (7001 if event.kind in RESTORING else 6003)
    assert made["type_uid"] == made["class_uid"] * 100 + made["activity_id"]
    assert made["metadata"]["uid"] == f"{stream}#1"
    assert made["unmapped"]["event"] == event.model_dump(mode="json")


@pytest.mark.parametrize(("stream", "event"), SAMPLES)
def test_every_event_is_valid_by_the_documents_beside_the_repository(stream: str, event: Event) -> None:
    made = ocsf(record(stream, event), ORIGIN)
    official = contract(f"ocsf/{NAMES[int(str(made['class_uid']))]}-1.8.0.schema.json")
    jsonschema_rs.Draft202012Validator(official).validate(json.loads(line(made)))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_removed_text_stays_removed_and_its_entry_stays_in_the_trail(kind: str) -> None:
    gone = record("incident/INC-1", None, kind)
    made = checked(ocsf(gone, ORIGIN))
    assert made["unmapped"]["removed"] is True
    assert "event" not in made["unmapped"]
    assert "(the text of this entry was removed)" in str(made["message"])
    sent: Any = cloudevent(gone, ORIGIN)
    assert sent["type"] == f"dev.backstop.{kind}"
    assert sent["data"]["event"] is None


def test_the_words_for_events_are_words_of_events() -> None:
    assert {*RESTORING, *REFUSED, *ACTS} <= KINDS
    assert not RESTORING.keys() & {*REFUSED, *ACTS}


def test_a_restore_is_remediation_and_approvals_freezes_and_refusals_are_api_activities() -> None:
    told = [
        (
            ocsf(record(stream, event), ORIGIN)["type_name"],
            ocsf(record(stream, event), ORIGIN)["status"],
            event.kind,
        )
        for stream, event in SAMPLES
        if event.kind
        in {"step-started", "step-failed", "run-recovered", "approved", "freeze-placed", "deployment-refused"}
    ]
    assert sorted({str(each) for each in told}) == snapshot(
        [
            "('API Activity: Create', 'Success', 'freeze-placed')",
            "('API Activity: Read', 'Refused', 'deployment-refused')",
            "('API Activity: Update', 'Success', 'approved')",
            "('Remediation Activity: Restore', 'Failure', 'step-failed')",
            "('Remediation Activity: Restore', 'Success', 'run-recovered')",
            "('Remediation Activity: Restore', 'Under way', 'step-started')",
        ]
    )


def test_who_was_refused_is_the_pipeline_and_not_the_gate_that_refused() -> None:
    refused = events.DeploymentRefused(
        service="checkout", environment="production", change="deploy", sha="abc1234", actor="ci"
    )
    made: Any = ocsf(record("freeze/FRZ-1", refused), ORIGIN)
    assert made["actor"]["user"] == {"name": "ci", "uid": "ci"}


def test_what_backstop_did_of_itself_is_done_by_a_system() -> None:
    own = record("incident/INC-1", events.PostmortemAsked())
    own = replace(own, entry=replace(own.entry, by="backstop"))
    made: Any = checked(ocsf(own, ORIGIN))
    assert made["actor"]["user"]["type_id"] == 3


def test_a_break_in_the_chain_is_told_and_nothing_is_graver() -> None:
    broken = record("incident/INC-1", events.PostmortemAsked(), broken="its text was changed")
    made: Any = checked(ocsf(broken, ORIGIN))
    assert (made["severity"], made["status_detail"]) == ("Critical", "its text was changed")
    sent: Any = cloudevent(broken, ORIGIN)
    assert sent["data"]["broken"] == "its text was changed"
    assert 'broken="its text was changed"' in syslog(broken, ORIGIN)


@pytest.mark.parametrize(
    ("event", "severity"),
    [
        (events.SeverityChanged(severity=events.Severity.SEV1, why="all"), 5),
        (events.SeverityChanged(severity=events.Severity.SEV4, why="few"), 2),
        (events.Approved(gate="g", hash="h", role="dba", break_glass="nobody answers"), 4),
        (events.Approved(gate="g", hash="h", role="dba"), 1),
        (events.CheckFound(check="c", ok=False, blocking=True, found="no"), 3),
        (events.CheckFound(check="c", ok=True, blocking=True, found="yes"), 1),
        (events.StepInDoubt(step="s", attempt=1, because="silence"), 4),
    ],
)
def test_how_grave_an_event_is_is_told(event: Event, severity: int) -> None:
    assert severity_of(record("run/RUN-1", event)) == severity
    checked(ocsf(record("run/RUN-1", event), ORIGIN))


def test_a_check_that_fails_is_a_failure() -> None:
    found = events.CheckFound(check="c", ok=False, blocking=True, found="no")
    assert ocsf(record("run/RUN-1", found), ORIGIN)["status"] == "Failure"


def test_a_step_is_known_by_the_key_under_which_it_acts() -> None:
    started = events.StepStarted(step="restore", attempt=2, key="RUN-1.restore.2")
    failed = events.StepFailed(step="restore", attempt=2, because="disk full")
    skipped = events.StepSkipped(step="restore", why="not needed")
    assert [
        ocsf(record("run/RUN-1", event), ORIGIN)["command_uid"]
        for event in (started, failed, skipped, events.RunAborted(leaves="all"))
    ] == ["RUN-1.restore.2", "RUN-1.restore.2", "RUN-1.restore", "RUN-1"]


def test_a_cloudevent_says_what_is_recorded() -> None:
    made = cloudevent(record("incident/INC-1", events.NoteAdded(text="disk is fine")), ORIGIN)
    assert made == snapshot(
        {
            "specversion": "1.0",
            "id": "incident/INC-1#1",
            "source": "https://backstop.example",
            "type": "dev.backstop.note-added",
            "subject": "incident/INC-1",
            "time": "2026-11-23T02:22:00.000Z",
            "datacontenttype": "application/json",
            "data": {
                "stream": "incident/INC-1",
                "seq": 1,
                "incident": "INC-1",
                "occurred_at": "2026-11-23T02:22:00.000Z",
                "recorded_at": "2026-11-23T02:22:00.000Z",
                "by": "ana",
                "via": "slack",
                "text": "@ana: disk is fine",
                "event": {"kind": "note-added", "text": "disk is fine", "evidence": None},
                "payload": "pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp",
                "digest": "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
            },
        }
    )


def test_a_syslog_message_says_who_did_what_and_where_it_stands() -> None:
    made = syslog(record("incident/INC-1", events.NoteAdded(text='a "b" ]\\ c')), ORIGIN)
    assert made.split(' digest="') == snapshot(
        [
            "<110>1 2026-11-23T02:22:00.000Z ops-1 backstop - note-added [backstop@32473 "
            'id="incident/INC-1#1" incident="INC-1" by="ana" via="slack" recorded="2026-11-23T02:22:00.000Z"',
            'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"] \ufeff@ana: a "b" ]\\ c',
        ]
    )


def test_what_closes_structured_data_is_escaped() -> None:
    noted = record("incident/INC-1", events.NoteAdded(text="x"))
    noted = replace(noted, incident=None, entry=replace(noted.entry, by='a"]\\'))
    assert r'by="a\"\]\\"' in syslog(noted, replace(ORIGIN, host="ö"))
    assert "Z - backstop - note-added [" in syslog(noted, replace(ORIGIN, host="ö"))


_SYSLOG = re.compile(
    r"<\d{1,3}>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [\x21-\x7e]{1,255} backstop - [\x21-\x7e]{1,32} "
    r"\[backstop@32473( [a-z]+=\"([^\"\\\]\x00-\x1f\x7f]|\\[\"\\\]])*\")+\] \ufeff[^\x00-\x1f\x7f]*"
)


@given(text=HOSTILE | st.text(), by=HOSTILE)
def test_whatever_people_write_each_format_is_one_sound_line(text: str, by: str) -> None:
    noted = record("incident/INC-1", events.NoteAdded(text=text))
    noted = replace(noted, entry=replace(noted.entry, by=by))
    checked(ocsf(noted, ORIGIN))
    for made in (line(ocsf(noted, ORIGIN)), line(cloudevent(noted, ORIGIN))):
        assert made.isascii()
        assert "\n" not in made
    assert _SYSLOG.fullmatch(syslog(noted, ORIGIN))
    assert len(syslog(noted, ORIGIN)) < 50_000


def test_every_kind_fits_the_id_of_a_syslog_message() -> None:
    assert max(len(str(kind.model_fields["kind"].default)) for kind in get_args(Event)) <= 32
