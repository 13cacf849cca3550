"""Reads the objects that clients send as protobuf: Helm its Secrets, kubectl what it creates.

The wire format needs no more than the numbers of the fields; those of fields that no client of the tests
sends are left out, and an object that has one is refused rather than read in part.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from tests.fakes.kube.kinds import Object

CONTENT = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\0"

_FIELDS: dict[str, dict[int, tuple[str, str]]] = {
    "Unknown": {1: ("type", "TypeMeta"), 2: ("raw", "raw"), 3: ("encoding", "text"), 4: ("content", "text")},
    "TypeMeta": {1: ("apiVersion", "text"), 2: ("kind", "text")},
    "ObjectMeta": {
        1: ("name", "text"),
        2: ("generateName", "text"),
        3: ("namespace", "text"),
        4: ("selfLink", "text"),
        5: ("uid", "text"),
        6: ("resourceVersion", "text"),
        7: ("generation", "whole"),
        8: ("creationTimestamp", "time"),
        11: ("labels", "map of text"),
        12: ("annotations", "map of text"),
        17: ("managedFields", "dropped"),
    },
    "Secret": {
        1: ("metadata", "ObjectMeta"),
        2: ("data", "map of bytes"),
        3: ("type", "text"),
        4: ("stringData", "map of text"),
        5: ("immutable", "yes"),
    },
    "Namespace": {1: ("metadata", "ObjectMeta"), 2: ("spec", "dropped"), 3: ("status", "dropped")},
    "ConfigMap": {
        1: ("metadata", "ObjectMeta"),
        2: ("data", "map of text"),
        3: ("binaryData", "map of bytes"),
        4: ("immutable", "yes"),
    },
    "DeleteOptions": {
        1: ("gracePeriodSeconds", "number"),
        2: ("preconditions", "dropped"),
        3: ("orphanDependents", "yes"),
        4: ("propagationPolicy", "text"),
        5: ("dryRun", "text"),
    },
    "Deployment": {1: ("metadata", "ObjectMeta"), 2: ("spec", "DeploymentSpec"), 3: ("status", "dropped")},
    "DeploymentSpec": {
        1: ("replicas", "number"),
        2: ("selector", "LabelSelector"),
        3: ("template", "PodTemplateSpec"),
        4: ("strategy", "dropped"),
        5: ("minReadySeconds", "number"),
        6: ("revisionHistoryLimit", "number"),
        7: ("paused", "yes"),
        9: ("progressDeadlineSeconds", "number"),
    },
    "LabelSelector": {1: ("matchLabels", "map of text")},
    "PodTemplateSpec": {1: ("metadata", "ObjectMeta"), 2: ("spec", "PodSpec")},
    "PodSpec": {
        2: ("containers", "list of Container"),
        3: ("restartPolicy", "text"),
        6: ("dnsPolicy", "text"),
        8: ("serviceAccountName", "text"),
        9: ("serviceAccount", "text"),
        10: ("nodeName", "text"),
        11: ("hostNetwork", "yes"),
        12: ("hostPID", "yes"),
        13: ("hostIPC", "yes"),
        16: ("hostname", "text"),
        17: ("subdomain", "text"),
        19: ("schedulerName", "text"),
        24: ("priorityClassName", "text"),
    },
    "Container": {
        1: ("name", "text"),
        2: ("image", "text"),
        5: ("workingDir", "text"),
        8: ("resources", "dropped"),
        13: ("terminationMessagePath", "text"),
        14: ("imagePullPolicy", "text"),
        16: ("stdin", "yes"),
        17: ("stdinOnce", "yes"),
        18: ("tty", "yes"),
        20: ("terminationMessagePolicy", "text"),
    },
    "SelfSubjectAccessReview": {
        1: ("metadata", "ObjectMeta"),
        2: ("spec", "SelfSubjectAccessReviewSpec"),
        3: ("status", "dropped"),
    },
    "SelfSubjectAccessReviewSpec": {1: ("resourceAttributes", "ResourceAttributes")},
    "ResourceAttributes": {
        1: ("namespace", "text"),
        2: ("verb", "text"),
        3: ("group", "text"),
        4: ("version", "text"),
        5: ("resource", "text"),
        6: ("subresource", "text"),
        7: ("name", "text"),
    },
    "time": {1: ("seconds", "whole"), 2: ("nanos", "whole")},
}


class Unreadable(Exception):
    """The bytes hold something that the stand-in has no words for."""


def decode(body: bytes) -> Object:
    """Return an object as its JSON would be."""
    if not body.startswith(_MAGIC):
        raise Unreadable("the body is not protobuf of Kubernetes")
    envelope = _message("Unknown", body[len(_MAGIC) :])
    kind = envelope["type"]["kind"]
    if kind not in _FIELDS:
        raise Unreadable(f"the stand-in reads no {kind} from protobuf")
    return {**envelope["type"], **_message(kind, envelope["raw"])}


def _message(name: str, content: bytes) -> Object:
    found: Object = {}
    for number, value in _wire(content):
        if number not in _FIELDS[name]:
            raise Unreadable(f"the stand-in reads no field {number} of {name} from protobuf")
        field, form = _FIELDS[name][number]
        match form:
            case "map of text" | "map of bytes":
                key, item = _entry(value)
                text = item.decode() if form == "map of text" else base64.b64encode(item).decode()
                found.setdefault(field, {})[key] = text
            case "dropped":
                pass
            case listed if listed.startswith("list of "):
                found.setdefault(field, []).append(_message(listed.removeprefix("list of "), value))
            case _:
                known = _value(form, value)
                # Texts, figures and messages that are empty are sent all the same; in JSON they are left out.
                found |= {field: known} if known or form in {"raw", "number"} else {}
    return found


def _value(form: str, value: Any) -> Any:
    match form:
        case "text":
            return value.decode()
        case "raw" | "whole" | "number":
            return value
        case "yes":
            return bool(value)
        case "time":
            seconds = _message("time", value).get("seconds")
            return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}" if seconds else None
        case _:
            return _message(form, value)


def _entry(content: bytes) -> tuple[str, bytes]:
    parts = dict(_wire(content))
    return bytes(parts.get(1, b"")).decode(), bytes(parts.get(2, b""))


def _wire(content: bytes) -> Iterator[tuple[int, Any]]:
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        match tag & 7:
            case 0:
                value, place = _varint(content, place)
                yield tag >> 3, value
            case 2:
                length, place = _varint(content, place)
                yield tag >> 3, content[place : place + length]
                place += length
            case other:
                raise Unreadable(f"the stand-in reads no wire type {other}")


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if not byte & 0x80:
            return value, place
