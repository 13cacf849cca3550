"""Everything that happens in a journey without anybody saying it; to add a sentence, add a function.

Nothing here starts the bot by itself: what stands in a journey before anybody speaks is how things were.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import aiohttp

from bot.core.effects import Effect
from bot.sandbox.faults import Drop, rate_limited
from bot.sandbox.slack import Reply
from integrations.contract import Phase, RecoveryPoint
from tests.journeys.issues import issue_in_words
from tests.journeys.places import Place, StagePlace
from tests.journeys.script import BadScript, Read
from tests.journeys.sight import Sight
from tests.runs.stage import point

_UNITS = {"second": 1, "minute": 60, "hour": 3600}


@dataclass(frozen=True, slots=True)
class Scene:
    """Where something happens, what people see there, and what Slack delivered last."""

    place: Place
    sight: Sight
    last: Reply | None

    @property
    def stage(self) -> StagePlace:
        """Return the place as a stage, on which everything can be scripted."""
        assert isinstance(self.place, StagePlace), "this happens on the stage only"
        return self.place


Direction = Callable[..., Awaitable[Read | None]]
_KNOWN: dict[re.Pattern[str], Direction] = {}


def sentence(words: str) -> Callable[[Direction], Direction]:
    """Let a function carry out a sentence; the groups in it are its arguments."""

    def register(direction: Direction) -> Direction:
        _KNOWN[re.compile(words)] = direction
        return direction

    return register


async def happen(scene: Scene, text: str, at: str) -> Read | None:
    """Let happen what a sentence says, and return what is read of it alone."""
    for pattern, direction in _KNOWN.items():
        if found := pattern.fullmatch(text):
            return await direction(scene, *found.groups())
    raise BadScript(f"{at}: nothing is known to happen as {text!r}")


@sentence("(?:(\\d+)|a|an) (second|minute|hour)s? pass(?:es)?")
async def _time(scene: Scene, count: str | None, unit: str) -> None:
    await scene.stage.pass_time(int(count or 1) * _UNITS[unit])


@sentence(r"the clock is set (back|ahead) by (?:(\d+)|a|an) (second|minute|hour)s?")
async def _jump(scene: Scene, way: str, count: str | None, unit: str) -> None:
    """Nothing falls due on the way, as when a machine corrects its clock."""
    scene.stage.clock.advance((-1 if way == "back" else 1) * int(count or 1) * _UNITS[unit])


@sentence("the disk of the database (is full|has room again)")
async def _disk(scene: Scene, how: str) -> None:
    disk = scene.stage.disk
    (disk.fill if how == "is full" else disk.free)()


@sentence("the (incident|plan|approval|progress|decision) card reads")
async def _card(scene: Scene, kind: str) -> Read:
    """Cards are drawn with some delay, progress every few seconds; here one is seen as of this moment."""
    key = scene.sight.key_of(kind)
    of = re.sub(r"^\w+:|\..*|@.*", "", key)
    effect = {"incident": "card", "progress": "progress", "decision": "decision"}.get(kind)
    if not effect:
        await scene.place.settle()
        return scene.sight.card(kind)
    effects, drawn = scene.place.app.timeline.effects, Effect(effect, of, f"look/{kind}")
    await effects.ask(drawn)
    await scene.place.settle()
    while any(waiting.key == drawn.key for waiting in await effects.heads()):
        await scene.place.settle()
    return scene.sight.card(kind)


@sentence("(\\w+)'s form reads")
async def _form(scene: Scene, who: str) -> Read:
    form = scene.place.slack.view(who)
    return Read("form", scene.sight.tidy(scene.place.slack.plain(form)) if form else "There is no form.")


@sentence("(\\w+)'s home reads")
async def _home(scene: Scene, who: str) -> Read:
    tab = scene.place.slack.home(who)
    return Read("home", scene.sight.tidy(scene.place.slack.plain(tab)) if tab else "There is nothing yet.")


@sentence("the app hears of messages")
async def _subscribed(scene: Scene) -> None:
    scene.place.slack.subscribe("message")


@sentence("the bot (restarts|stops|starts)")
async def _bot(scene: Scene, how: str) -> None:
    if how != "starts":
        await scene.place.down()
    if how != "stops":
        await scene.place.up()


@sentence("Slack is (down|back)")
async def _slack(scene: Scene, how: str) -> None:
    scene.place.slack.faults.down = how == "down"
    if how == "back":
        await scene.place.heard()


@sentence("Slack refuses the next (\\S+): (\\w+)")
async def _refuses(scene: Scene, method: str, code: str) -> None:
    scene.place.slack.faults.error(method, code)


@sentence("Slack delivers that again")
async def _again(scene: Scene) -> None:
    assert scene.last, "nothing was delivered yet"
    await scene.place.slack.redeliver(scene.last)


@sentence("Jira is (down|back)")
async def _jira(scene: Scene, how: str) -> None:
    await (scene.stage.jira_down() if how == "down" else scene.stage.jira_up())


@sentence("there is the issue of a change")
async def _change(scene: Scene) -> None:
    jira = scene.place.jira
    assert jira
    jira.site.create(type="Task", summary="Put 2.4.0 out")


@sentence("the issue (\\S+) reads")
async def _issue(scene: Scene, key: str) -> Read:
    assert scene.place.jira
    return Read("jira", scene.sight.tidy(issue_in_words(scene.place.jira.issues[key])))


@sentence("PagerDuty is (down|back)")
async def _pagerduty(scene: Scene, how: str) -> None:
    await (scene.stage.pager_down() if how == "down" else scene.stage.pager_up())


@sentence("Statuspage is (down|back)")
async def _statuspage(scene: Scene, how: str) -> None:
    assert scene.stage.statuspage
    scene.stage.statuspage.faults.down = how == "down"


@sentence("Statuspage (loses the answer|wants rest)")
async def _statuspage_fails(scene: Scene, how: str) -> None:
    assert scene.stage.statuspage
    fault = Drop() if how == "loses the answer" else rate_limited("30")
    scene.stage.statuspage.faults.add("update_incident", fault)


@sentence("Alertmanager is (down|back)")
async def _alertmanager(scene: Scene, how: str) -> None:
    assert scene.stage.alertmanager
    scene.stage.alertmanager.faults.down = how == "down"


@sentence("Alertmanager loses the answer")
async def _alertmanager_fails(scene: Scene) -> None:
    assert scene.stage.alertmanager
    scene.stage.alertmanager.faults.add("post_silence", Drop())


@sentence("(\\w+) ends the silence in Alertmanager")
async def _loud(scene: Scene, who: str) -> None:
    assert scene.stage.alertmanager
    for each in scene.stage.alertmanager.in_force:
        scene.stage.alertmanager.end(each)


@sentence("PagerDuty refuses its token|PagerDuty takes the token again")
async def _token(scene: Scene) -> None:
    pagerduty, token = scene.stage.pagerduty, scene.stage.settings.pagerduty_token
    assert pagerduty
    assert token
    kept = token.get_secret_value()
    pagerduty.token = "another" if pagerduty.token == kept else kept


@sentence("(\\w+) (acknowledges|resolves|triggers) the incident in PagerDuty")
async def _moves(scene: Scene, who: str, how: str) -> None:
    pagerduty = scene.stage.pagerduty
    assert pagerduty
    status = {"acknowledges": "acknowledged", "resolves": "resolved", "triggers": "triggered"}[how]
    pagerduty.moves(f"{who}@example.com", pagerduty.incidents[-1], status)


@sentence('(\\w+) writes "(.+)" in PagerDuty')
async def _writes(scene: Scene, who: str, text: str) -> None:
    pagerduty = scene.stage.pagerduty
    assert pagerduty
    pagerduty.writes(f"{who}@example.com", pagerduty.incidents[-1], text)


@sentence("(\\w+) says in PagerDuty that they (come|do not come)")
async def _answers(scene: Scene, who: str, how: str) -> None:
    pagerduty = scene.stage.pagerduty
    assert pagerduty
    state = "joined" if how == "come" else "declined"
    pagerduty.answers(f"{who}@example.com", pagerduty.incidents[-1], state)


@sentence("(\\w+) is on call for the databases")
async def _on_call(scene: Scene, who: str) -> None:
    assert scene.stage.pagerduty
    scene.stage.pagerduty.policy("PDBA001", f"{who}@example.com")


@sentence("Alertmanager tells that (\\w+) (fires|is resolved) for (\\S+)")
async def _alerts(scene: Scene, name: str, how: str, service: str) -> None:
    await scene.place.up()
    app, now = scene.place.app, scene.stage.clock()
    token = await app.timeline.records.issue_token(
        "ci", scopes=["alerts"], name="alerts", expires_at=now + timedelta(days=1)
    )
    status = "firing" if how == "fires" else "resolved"
    began = "2026-11-23T02:08:00Z"
    labels = {"alertname": name, "service": service, "severity": "critical"}
    body = {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{name}"}}',
        "status": status,
        "receiver": "backstop",
        "groupLabels": {"alertname": name},
        "commonLabels": labels,
        "externalURL": "http://alertmanager",
        "commonAnnotations": {"summary": "Orders have wrong totals"},
        "alerts": [{"status": status, "labels": labels, "startsAt": began, "endsAt": "0001-01-01T00:00:00Z"}],
    }
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{app.url}/v1/alerts", json=body) as answer,
    ):
        assert answer.status == 200, await answer.text()


@sentence("PagerDuty delivers everything again")
async def _delivers(scene: Scene) -> None:
    assert scene.stage.pagerduty
    courier = scene.stage.pagerduty.courier
    for delivery in reversed(courier.sent):
        await courier.once_more(delivery)


@sentence("(\\w+) (archives|unarchives) the channel")
async def _archive(scene: Scene, who: str, what: str) -> None:
    channel = scene.sight.room().channel
    if what == "archives":
        scene.place.slack.archive(who, channel)
    else:
        scene.place.slack.channel(channel).archived = False


@sentence("(\\w+) (removes|invites) the bot (?:from|to) the channel")
async def _membership(scene: Scene, who: str, what: str) -> None:
    slack, channel = scene.place.slack, scene.sight.room().channel
    (slack.remove_bot if what == "removes" else slack.invite_bot)(channel)


@sentence("(\\w+) deletes the channel")
async def _no_channel(scene: Scene, who: str) -> None:
    scene.place.slack.workspace.drop(scene.sight.room().channel)


@sentence("(\\w+) deletes the issue in Jira")
async def _no_issue(scene: Scene, who: str) -> None:
    assert scene.stage.jira
    scene.stage.jira.issues.popitem()


@sentence("(\\w+) deletes the (incident|plan|approval|progress|decision) card")
async def _delete(scene: Scene, who: str, kind: str) -> None:
    scene.place.slack.delete(scene.sight.newest(scene.sight.key_of(kind)))


@sentence('(\\w+) deletes the message "(.+)"')
async def _delete_message(scene: Scene, who: str, text: str) -> None:
    scene.place.slack.delete(scene.sight.said(text))


@sentence("(?:step )?(\\w+) will (fail|be refused)(?: (once|twice))?")
async def _outcome(scene: Scene, step: str, how: str, times: str | None) -> None:
    phase = {"fail": Phase.FAILED, "be refused": Phase.REFUSED}[how]
    scene.stage.world.outcomes[step] = [phase] * (2 if times == "twice" else 1)


@sentence("steps take their time")
async def _slowly(scene: Scene) -> None:
    scene.stage.world.held = True


@sentence("(?:step )?(\\w+) ends")
async def _ends(scene: Scene, step: str) -> None:
    world = scene.stage.world
    running = [key for key, job in world.jobs.items() if job.phase is Phase.RUNNING]
    world.end(next(key for key in running if world.operations[key] == step))


@sentence("the (?:orders|rows) are (right|wrong)")
async def _rows(scene: Scene, how: str) -> None:
    scene.stage.world.rows_ok = how == "right"


@sentence("the engine (answers again|does not answer)")
async def _reachable(scene: Scene, how: str) -> None:
    scene.stage.world.reachable = how == "answers again"


@sentence("the engine (hangs|hangs no more) when it is asked for recovery points")
async def _hangs(scene: Scene, how: str) -> None:
    scene.stage.world.hangs = how == "hangs"


@sentence("the engine (can|cannot) tell what it was asked to do")
async def _tells(scene: Scene, how: str) -> None:
    scene.stage.world.tells = how == "can"


@sentence("the engine is not installed")
async def _missing(scene: Scene) -> None:
    scene.stage.engines.clear()


@sentence("the engine says that (.+)")
async def _ill(scene: Scene, words: str) -> None:
    scene.stage.world.ill = words


@sentence("the database is replaced by another")
async def _other(scene: Scene) -> None:
    scene.stage.world.identity = "orders-2"


@sentence("backup (P\\d) is (gone|overwritten)")
async def _backup(scene: Scene, id: str, how: str) -> None:
    kept: list[RecoveryPoint] = []
    for known in scene.stage.world.points:
        if known.id != id:
            kept.append(known)
        elif how == "overwritten":
            kept.append(replace(known, digest="another digest"))
    scene.stage.world.points = kept


@sentence("backup (P\\d) of 02:(\\d\\d) is found")
async def _found(scene: Scene, id: str, minute: str) -> None:
    scene.stage.world.points.append(point(id, int(minute)))


@sentence("somebody writes `(.+)` in place of `(.+)` in the playbook")
async def _playbook(scene: Scene, new: str, old: str) -> None:
    file = scene.stage.playbook
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@sentence("dee becomes an owner of checkout")
async def _owner(scene: Scene) -> None:
    file = scene.stage.settings.home / "catalog.yaml"
    known = "  cy: {name: Cy, slack: U0CY, email: cy@example.com}\n"
    text = file.read_text().replace(
        known, f"{known}  dee: {{name: Dee, slack: U0DEE, email: dee@example.com}}\n"
    )
    file.write_text(text.replace("owners: {people: [cy]}", "owners: {people: [cy, dee]}"))
