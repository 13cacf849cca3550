"""What a commander reads who replays a real incident."""

from __future__ import annotations

from inline_snapshot import snapshot

from bot.core.cards.replay import (
    replay_card,
    replay_end,
    replay_heard,
    replay_line,
    replay_list,
    replay_prompt,
    replay_scene,
    replay_standing,
)
from bot.core.document import Button, Buttons, Document, plain
from bot.core.replay import Asked, Chose, Move, Session, Told, begin, by_the_record, played
from playbooks.corpus import corpus
from playbooks.words import Option
from tests.core.story import shown
from tests.small_criteria import SMALL


def at(*moves: Move, id: str = "gitlab-2017-01-31") -> Session:
    return played(begin(corpus()[id], SMALL), moves)


def buttons(document: Document) -> list[Button]:
    rows = [block.buttons for block in document.blocks if isinstance(block, Buttons)]
    return [button for row in rows for button in row]


def test_the_list_has_one_line_for_each_incident_and_counts_the_rest() -> None:
    found = [each for each in corpus().values() if each.company == "Rust rustup" or "monzo" in each.id]

    assert shown(replay_list(found, "backstop", most=1)) == snapshot("""\
  • rustup-2021-04-27 Rust rustup, 2021-04-27: A release broke two proxied commands.
1 more; a word after it finds those that tell of it. backstop replay <id> decides one of them again.
""")
    assert shown(replay_list(found, "/backstop")) == snapshot("""\
  • rustup-2021-04-27 Rust rustup, 2021-04-27: A release broke two proxied commands.
  • monzo-2019-07-29 Monzo, 2019-07-29: Six new Cassandra nodes joined and took ownership of data
        they did not hold, so reads came back empty.
/backstop replay <id> decides one of them again.
""")


def test_the_scene_tells_what_is_known_and_not_how_it_ended() -> None:
    assert shown(replay_scene(at())) == snapshot("""\
Replay of gitlab-2017-01-31: GitLab, 2017-01-31
Repairing lagging replication, an operator removed the primary's data directory instead of the
        replica's.
Looked up: backup_available yes.
Looked up, and nobody knows: previous_artifact_available.
""")


def test_the_scene_is_short_where_machines_know_all_or_nothing() -> None:
    assert shown(replay_scene(at(id="reddit-piday-2023-03-14"))) == snapshot("""\
Replay of reddit-piday-2023-03-14: Reddit, 2023-03-14
A Kubernetes 1.23 to 1.24 upgrade dropped a node label that route reflectors selected on, and the
        cluster network collapsed.
Looked up: previous_artifact_available yes, backup_available yes.
""")
    assert shown(replay_scene(at(id="sentry-2015-07-20"))) == snapshot("""\
Replay of sentry-2015-07-20: Sentry, 2015-07-20
Hosted Sentry's Postgres stopped accepting writes at transaction-id wraparound protection.
Looked up, and nobody knows: previous_artifact_available, backup_available.
""")


def test_the_prompt_is_the_next_question_or_what_can_be_chosen() -> None:
    assert shown(replay_prompt(at())) == snapshot("""\
1. dba: Is data wrong or missing? (data_corruption: none|suspected|confirmed|ongoing|?)
So far it is between restore_partial, restore_full, hotfix, mitigate.
""")
    assert shown(replay_prompt(at(Told("data_corruption", "none")))) == snapshot("""\
2. app: In how many minutes could a fix be live? (hotfix_eta_minutes: <minutes>|?)
So far it is between hotfix, mitigate.
""")
    assert shown(replay_prompt(by_the_record(at()))) == snapshot("""\
Proposal: restore_full. All of it is damaged.
Enter takes it.
""")
    staged = at(Told("data_corruption", "none"), Told("hotfix_eta_minutes", None), id="knight-2012-08-01")
    assert shown(replay_prompt(staged)) == snapshot("""\
Proposal: code_rollback. The release before is at hand. It needs a first stage.
Enter takes it.
""")


def test_what_must_be_repaired_comes_before_the_proposal() -> None:
    session = by_the_record(at(id="travisci-2017-02-03"))

    assert shown(replay_prompt(session)) == snapshot("""\
Proposal: code_rollback. The release before can be had again. First: Publish it again.
Enter takes it.
""")
    assert "  • First: Publish it again.\n" in shown(replay_standing(session))


def test_what_was_answered_is_said_back() -> None:
    moves = (Asked("data_corruption"), Told("cause_known", True), Told("data_scope", None))

    assert replay_heard(at(*moves), (*moves, Chose(Option.WAIT))) == snapshot("""\
  data_corruption: confirmed
  cause_known: yes
  data_scope: nobody knows\
""")


def test_what_stands_names_answers_containment_and_vetoes() -> None:
    assert shown(replay_standing(at())) == snapshot(
        """\
Proposal: none yet. Not decided between restore_partial, restore_full, hotfix, mitigate: what is
        asked decides it.
"""
    )
    assert shown(replay_standing(by_the_record(at()))) == snapshot("""\
Answered: data_corruption confirmed, data_scope database.
Proposal: restore_full. All of it is damaged.
  • First: Stop the writers.
  • V1 rules out code_rollback, hotfix: No code brings data back.
""")


def test_the_card_holds_all_of_it_and_buttons_that_say_the_whole_line() -> None:
    card = replay_card(at(Asked("data_corruption"), Told("cause_known", None)), "/backstop")

    assert shown(card) == snapshot("""\
Replay of gitlab-2017-01-31: GitLab, 2017-01-31
Repairing lagging replication, an operator removed the primary's data directory instead of the
        replica's.
Looked up: backup_available yes.
Looked up, and nobody knows: previous_artifact_available.
Answered: data_corruption confirmed, cause_known nobody knows.
Proposal: none yet. Not decided between restore_partial, restore_full, mitigate: what is asked
        decides it.
  • First: Stop the writers.
  • V1 rules out code_rollback, hotfix: No code brings data back.
3. dba: How much data is damaged? (data_scope: none|rows|tables|tenants|database|estate|?)
  [Ask dba]  replay gitlab-2017-01-31 data_corruption:ask cause_known:? data_scope:ask
  [None]  replay gitlab-2017-01-31 data_corruption:ask cause_known:? data_scope:none
  [Rows]  replay gitlab-2017-01-31 data_corruption:ask cause_known:? data_scope:rows
  [Tables]  replay gitlab-2017-01-31 data_corruption:ask cause_known:? data_scope:tables
  [Tenants]  replay gitlab-2017-01-31 data_corruption:ask cause_known:? data_scope:tenants
  [Database]  replay gitlab-2017-01-31 data_corruption:ask cause_known:? data_scope:database
  [Estate]  replay gitlab-2017-01-31 data_corruption:ask cause_known:? data_scope:estate
  [Nobody knows]  replay gitlab-2017-01-31 data_corruption:ask cause_known:? data_scope:?
  [Choose config_revert]  replay gitlab-2017-01-31 data_corruption:ask cause_known:? config_revert
  [Choose restore_partial]  replay gitlab-2017-01-31 data_corruption:ask cause_known:?
        restore_partial
  [Choose restore_pitr]  replay gitlab-2017-01-31 data_corruption:ask cause_known:? restore_pitr
  [Choose restore_full]  replay gitlab-2017-01-31 data_corruption:ask cause_known:? restore_full
  [Choose failover]  replay gitlab-2017-01-31 data_corruption:ask cause_known:? failover
  [Choose mitigate]  replay gitlab-2017-01-31 data_corruption:ask cause_known:? mitigate
  [Choose wait]  replay gitlab-2017-01-31 data_corruption:ask cause_known:? wait
The same typed: /backstop replay gitlab-2017-01-31 data_corruption:ask cause_known:? [fact:value …]
        [option].
""")
    assert buttons(card)[0].style == "primary"


def test_a_number_is_asked_for_in_words() -> None:
    card = replay_card(at(Told("data_corruption", "none")), "/backstop")

    [number] = [button for button in buttons(card) if button.ask]
    assert number == snapshot(
        Button(
            label="Answer in minutes",
            line="replay gitlab-2017-01-31 data_corruption:none",
            ask="In how many minutes could a fix be live?",
            into="hotfix_eta_minutes",
        )
    )


def test_the_proposal_stands_first_among_the_choices() -> None:
    session = by_the_record(at())

    assert [
        (button.label, button.style) for button in buttons(replay_card(session, "/backstop"))
    ] == snapshot(
        [
            ("Choose restore_full", "primary"),
            ("Choose config_revert", ""),
            ("Choose restore_partial", ""),
            ("Choose restore_pitr", ""),
            ("Choose failover", ""),
            ("Choose mitigate", ""),
            ("Choose wait", ""),
        ]
    )


def test_the_line_of_a_session_brings_it_back() -> None:
    session = at(Asked("data_corruption"), Told("cause_known", False), Told("data_scope", None))

    assert replay_line(session) == snapshot(
        "replay gitlab-2017-01-31 data_corruption:ask cause_known:no data_scope:?"
    )


def test_the_end_shows_reality_the_best_and_what_the_choice_is_worth() -> None:
    assert shown(replay_end(by_the_record(at()))) == snapshot("""\
How it was: GitLab, 2017-01-31
You chose restore_full: the best there was.
  Done in reality  restore_full
  Best             restore_full (evident from how it ended, high confidence)
  Acceptable       restore_full
  Criteria         proposed restore_full: the best there was.
  Questions        2 asked; the criteria needed 2
  Decided          nobody published when
  Recovered        18 h 44 min after it began
  Data lost        what was written in 6 h
What happened: Repairing lagging replication, an operator removed the primary's data directory
        instead of the replica's. Every scheduled backup route turned out broken or unsuitable (dump
        job failing silently on a version mismatch, no cloud disk snapshots, no WAL archive), so a
        six-hour-old LVM copy taken by chance for staging was used.
Lesson: A backup job that reports nothing is not a backup; verify by restoring. Restore speed was
        bounded by slow disks, not by the decision.
Read it (https://about.gitlab.com/blog/2017/02/10/postmortem-of-database-outage-of-january-31/).
        Facts and judgement are one coder's, in hindsight.
""")


def test_the_end_says_where_the_commander_was_wrong() -> None:
    moves = (Asked("data_corruption"), Told("data_scope", "rows"), Chose(Option.RESTORE_FULL))
    assert shown(replay_end(at(*moves))) == snapshot("""\
How it was: GitLab, 2017-01-31
You chose restore_full: the best there was.
  Done in reality  restore_full
  Best             restore_full (evident from how it ended, high confidence)
  Acceptable       restore_full
  Criteria         proposed restore_partial: not acceptable; restore_full was best.
  Questions        2 asked, of which you answered 1 yourself; the criteria needed 2
  Decided          nobody published when
  Recovered        18 h 44 min after it began
  Data lost        what was written in 6 h
  • You chose against V2: Most of it is good.
  • You took data_scope for rows; the record says database.
What happened: Repairing lagging replication, an operator removed the primary's data directory
        instead of the replica's. Every scheduled backup route turned out broken or unsuitable (dump
        job failing silently on a version mismatch, no cloud disk snapshots, no WAL archive), so a
        six-hour-old LVM copy taken by chance for staging was used.
Lesson: A backup job that reports nothing is not a backup; verify by restoring. Restore speed was
        bounded by slow disks, not by the decision.
Read it (https://about.gitlab.com/blog/2017/02/10/postmortem-of-database-outage-of-january-31/).
        Facts and judgement are one coder's, in hindsight.
""")


def test_the_end_without_a_choice_or_a_label_or_a_link() -> None:
    assert shown(replay_end(at(id="codespaces-2014-06-17"))) == snapshot("""\
How it was: Code Spaces, 2014-06-17
You chose nothing.
  Done in reality  mitigate
  To contain it    lock account
  Criteria         no proposal yet, between restore_partial, hotfix, mitigate
  Questions        0 asked
  Decided          nobody published when
  Recovered        nobody published when
  Data lost        nobody published how much
What happened: An intruder with console access deleted volumes, snapshots, buckets and images,
        including backups held under the same account. Nothing sufficient was left to restore and
        the company closed.
Lesson: No good option existed at decision time. Backups need separate credentials and immutability.
Read it (https://www.itwriting.com/blog/tag/codespaces). Facts and judgement are one coder's, in
        hindsight.
""")
    assert plain(replay_end(at(Chose(Option.WAIT), id="codespaces-2014-06-17"))).splitlines()[1] == snapshot(
        "You chose wait: nobody says what would have been best."
    )
    assert plain(replay_end(at(id="pixar-toystory2-1998"))).splitlines()[-1] == snapshot(
        "Told from memory (widely told account). Facts and judgement are one coder's, in hindsight."
    )


def test_the_end_says_why_the_best_was_best_where_that_is_not_plain() -> None:
    ended = shown(replay_end(at(Chose(Option.CODE_ROLLBACK), id="stripe-2019-07-10b")))
    assert "Why: Service was up, so delay to test had little cost; coder's judgement" in ended


def test_the_end_with_all_that_a_record_can_say() -> None:
    told = at(Told("data_corruption", "none"), Chose(Option.HOTFIX), id="tsb-2018-04-22")
    assert shown(replay_end(told)) == snapshot("""\
How it was: TSB, 2018-04-22
You chose hotfix: the best there was.
  Done in reality  hotfix
  Best             hotfix (a judgement of whoever coded it, medium confidence)
  Acceptable       hotfix, mitigate
  Criteria         no proposal yet, between hotfix, code_rollback
  Questions        1 asked, of which you answered 1 yourself
  Decided          nobody published when
  Recovered        nobody published when
  Data lost        nobody published how much
  • You took data_corruption for none; the record says suspected.
What happened: A one-weekend migration of five million customers to a new bank platform failed under
        load and misbehaved for weeks. With the old platform given up and new transactions booked on
        the new one there was no way back; fixes went forward.
Lesson: Point of no return must be a named gate with a go/no-go; after it, plan capacity for fixing
        forward.
Read it (https://www.henricodolfing.com/2019/03/case-study-epic-meltdown-of-tsb-bank.html). Facts
        and judgement are one coder's, in hindsight.
""")
    held = at(Chose(Option.MITIGATE), id="twilio-2013-07-18")
    assert shown(replay_end(held)) == snapshot("""\
How it was: Twilio, 2013-07-18
You chose mitigate: the best there was.
  Done in reality  mitigate
  Best             mitigate (the post-mortem says so, medium confidence)
  Acceptable       mitigate, restore_partial
  To contain it    stop writers
  Afterwards       restore_partial
  Criteria         no proposal yet, between restore_partial, hotfix, mitigate
  Questions        0 asked
  Decided          nobody published when
  Recovered        43 h 40 min after it began
  Data lost        nobody published how much
What happened: An overloaded Redis master was restarted with a wrong configuration and lost in-
        flight balances; auto-recharge saw zero balances and charged cards again and again. Billing
        was taken offline several times, then balances were rebuilt and charges refunded.
Lesson: Automation acting on missing data multiplies harm: stop the consumer, then restore.
Read it (https://www.twilio.com/blog/2013/07/billing-incident-post-mortem-breakdown-analysis-and-
        root-cause.html). Facts and judgement are one coder's, in hindsight.
""")
