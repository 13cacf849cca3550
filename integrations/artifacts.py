"""Whether what a release was made of can be had now: an image of a registry, or a file at an address.

Nothing is downloaded. Registries are asked as anybody may ask them, with the token they give to everybody;
one that wants more cannot be asked from here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from integrations.contract import IntegrationError

MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_CHALLENGE = re.compile(r'([a-z]+)="([^"]*)"')
_NAME = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*")
_HUB = "registry-1.docker.io"
_FAILS = 500
_TRIES_REDIRECTS = 5

Sessions = Callable[[], aiohttp.ClientSession]


@dataclass(frozen=True, slots=True)
class Image:
    """An image: where its registry is, its name there, and the tag or digest that stands for it."""

    registry: str
    name: str
    reference: str

    @property
    def manifest(self) -> str:
        """Return the address of its manifest; a registry on this machine is spoken to without TLS."""
        here = self.registry.partition(":")[0] in ("localhost", "127.0.0.1")
        return f"{'http' if here else 'https'}://{self.registry}/v2/{self.name}/manifests/{self.reference}"


def image_of(text: str) -> Image | None:
    """Return the image a text names, as container tools read it, or None when it names none."""
    named, _, digest = text.partition("@")
    host, slash, rest = named.partition("/")
    outside = slash and ("." in host or ":" in host or host == "localhost")
    registry, path = (host, rest) if outside else (_HUB, named if slash else f"library/{named}")
    name, _, tag = path.partition(":")
    if not _NAME.fullmatch(name):
        return None
    return Image(registry, name, digest or tag or "latest")


async def can_be_had(sessions: Sessions, artifact: str) -> bool:
    """Say whether an artefact is there; raises IntegrationError where that cannot be told."""
    web = urlsplit(artifact).scheme in ("http", "https")
    image = None if web else image_of(artifact)
    if not web and image is None:
        raise IntegrationError(f"{artifact} is neither an image nor a web address.", permanent=True)
    try:
        async with sessions() as session:
            status = await (_image(session, image) if image else _file(session, artifact))
    except (TimeoutError, aiohttp.ClientError, ValueError) as problem:
        why = f"{artifact} cannot be reached ({type(problem).__name__})."
        raise IntegrationError(why, permanent=False) from problem
    if status in (404, 410):
        return False
    if 200 <= status < 300:
        return True
    raise IntegrationError(f"{artifact} is answered {status}: nobody can say.", permanent=status < _FAILS)


async def _file(session: aiohttp.ClientSession, url: str) -> int:
    async with session.head(url, allow_redirects=True, max_redirects=_TRIES_REDIRECTS) as answer:
        return answer.status


async def _image(session: aiohttp.ClientSession, image: Image) -> int:
    headers = {"Accept": MANIFESTS}
    async with session.head(image.manifest, headers=headers) as answer:
        if answer.status != 401:
            return answer.status
        challenge = answer.headers.get("WWW-Authenticate", "")
    token = await _token(session, challenge)
    async with session.head(
        image.manifest, headers={**headers, "Authorization": f"Bearer {token}"}
    ) as answer:
        return answer.status


async def _token(session: aiohttp.ClientSession, challenge: str) -> str:
    """Return the token that a registry gives to anybody, as its challenge says where."""
    said: Mapping[str, str] = dict(_CHALLENGE.findall(challenge))
    if not challenge.lower().startswith("bearer ") or "realm" not in said:
        raise IntegrationError("The registry wants credentials, which it is not asked with.", permanent=True)
    query = {name: said[name] for name in ("service", "scope") if name in said}
    async with session.get(said["realm"], params=query) as answer:
        found = await answer.json() if answer.status == 200 else {}
    token = found.get("token") or found.get("access_token") if isinstance(found, dict) else None
    if not token:
        raise IntegrationError("The registry gives no token to those it does not know.", permanent=True)
    return str(token)
