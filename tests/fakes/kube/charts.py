"""A chart as a team has it: one Deployment whose image tag is a value."""

from __future__ import annotations

from pathlib import Path

_CHART = """\
apiVersion: v2
name: checkout
version: 0.1.0
appVersion: "1"
"""
_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels: {app: {{ .Release.Name }}, app.kubernetes.io/managed-by: {{ .Release.Service }}}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: {app: {{ .Release.Name }}}
  template:
    metadata:
      labels: {app: {{ .Release.Name }}}
    spec:
      containers:
        - name: checkout
          image: registry/checkout:{{ .Values.tag }}
"""


def checkout(home: Path) -> Path:
    """Write the chart and return its folder."""
    chart = home / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text(_CHART)
    (chart / "values.yaml").write_text("replicas: 2\ntag: none\n")
    (chart / "templates" / "deployment.yaml").write_text(_DEPLOYMENT)
    return chart
