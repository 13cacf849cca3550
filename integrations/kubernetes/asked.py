"""What can be asked of a Deployment, and which Deployment it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, StrictInt, model_validator

from integrations.asked import NoParams, Params
from integrations.contract import Cancel, Effect, Json, Operation, Repeat, Source, Target


class Undo(Params):
    """`although_managed` acts even where Argo CD or Flux will put back what is in git."""

    although_managed: bool = False


class Scale(Params):
    """How many replicas; `previous` is the number before Backstop asked for another."""

    replicas: StrictInt | Literal["previous"]
    although_managed: bool = False

    @model_validator(mode="after")
    def _not_negative(self) -> Scale:
        if isinstance(self.replicas, int) and self.replicas < 0:
            raise ValueError("replicas must be 0 or more, or `previous`")
        return self


class Image(Params):
    """The whole image or only its tag; with several containers, of which."""

    image: str | None = None
    tag: str | None = None
    container: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Image:
        if (self.image is None) == (self.tag is None):
            raise ValueError("say either `image` or `tag`")
        return self


class Ready(Params):
    """How many replicas must be ready; left out, as many as are wanted."""

    at_least: int | None = Field(default=None, ge=0)


OPERATIONS: Mapping[str, Operation] = {
    "undo": Operation("undo", Undo, Effect.REVERSIBLE, "step", Repeat.SAFE, Cancel.NONE, needs_point=True),
    "scale": Operation("scale", Scale, Effect.REVERSIBLE, "step", Repeat.SAFE, Cancel.NONE),
    "one_version": Operation("one_version", NoParams, Effect.READ, "check", Repeat.SAFE, Cancel.CLEAN),
    "rolled_out": Operation("rolled_out", NoParams, Effect.READ, "check", Repeat.SAFE, Cancel.CLEAN),
    "image": Operation("image", Image, Effect.READ, "check", Repeat.SAFE, Cancel.CLEAN),
    "ready": Operation("ready", Ready, Effect.READ, "check", Repeat.SAFE, Cancel.CLEAN),
}


@dataclass(frozen=True, slots=True)
class Place:
    """One Deployment of one cluster, as settings name it."""

    kubeconfig: str
    context: str
    namespace: str
    name: str

    @property
    def words(self) -> str:
        """Return how people call it."""
        return f"{self.namespace}/{self.name}"

    @property
    def locator(self) -> Mapping[str, str]:
        """Return the settings again, as a job keeps them."""
        own = {"kubeconfig": self.kubeconfig, "context": self.context}
        return {**own, "namespace": self.namespace, "deployment": self.name}

    def kubectl(self, words: str) -> str:
        """Return what a person types."""
        context = f" --context={self.context}" if self.context else ""
        return f"kubectl{context} --namespace={self.namespace} {words}"


def place_of(thing: Target | Source) -> Place:
    """Return the Deployment of a target, or whose revisions a source lists."""
    own = thing.name if isinstance(thing, Target) else thing.id
    return place_at({"deployment": own, **thing.settings})


def place_at(settings: Mapping[str, Json]) -> Place:
    """Return the Deployment that settings name."""
    text = {key: str(value) for key, value in settings.items()}
    return Place(
        text.get("kubeconfig", ""),
        text.get("context", ""),
        text.get("namespace", "default"),
        text["deployment"],
    )
