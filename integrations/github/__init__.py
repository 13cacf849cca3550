"""GitHub: workflows as steps, and the deployments of an environment as what one can go back to.

Settings of a target: `repo` (`owner/name`), `token` (the name of a secret), `ref` (whose version of the
workflow runs, by default `main`), `api` (by default GitHub's own), `listed_within_s` (how soon a run that was
started is listed, by default 20), and `workflows` by name: the `file`, its typed `inputs`, and what people
read before they approve: `effect`, `repeat` and `leaves`. Settings of a source: `repo`, `token`, `api`, and
the `environment` whose deployments count.
"""

from integrations.github.engine import Github

__all__ = ["Github"]
