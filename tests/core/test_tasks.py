from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.core.events import Entry, TaskDone, TaskEvent, TaskGiven, TaskHandedBack, TaskOverdue
from bot.core.tasks import Stand, Task, after, of_incident
from tests.core.plans import START

NUMBERS = st.integers(1, 2)
EVENTS: st.SearchStrategy[TaskEvent] = st.one_of(
    st.builds(
        lambda n, to, minutes: TaskGiven(
            number=n, what="look", to=to, due=START + timedelta(minutes=minutes)
        ),
        NUMBERS,
        st.sampled_from(["bo", "cy"]),
        st.integers(1, 60),
    ),
    st.builds(lambda n: TaskDone(number=n), NUMBERS),
    st.builds(lambda n: TaskHandedBack(number=n, why="no access"), NUMBERS),
)


@given(st.lists(st.tuples(EVENTS, st.integers(0, 30)), max_size=20))
def test_a_task_is_asked_for_once_in_each_time_box_and_never_when_it_is_not_somebodys(
    story: list[tuple[TaskEvent, int]],
) -> None:
    tasks: tuple[Task, ...] = ()
    told: set[tuple[int, object]] = set()
    now = START
    for seq, (event, minutes) in enumerate(story, 1):
        now += timedelta(minutes=minutes)
        tasks = after(tasks, Entry("incident/INC-1", seq, now, now, "ana", "test", event), event)
        if isinstance(event, TaskGiven):
            told.discard((event.number, event.due))
        for task in tasks:
            if task.late(now):
                assert task.stand is Stand.OPEN
                assert task.due <= now
                assert (task.number, task.due) not in told, "it was asked for already"
                told.add((task.number, task.due))
                late = TaskOverdue(number=task.number, due=task.due)
                tasks = after(tasks, Entry("incident/INC-1", seq, now, now, "backstop", "clock", late), late)
        assert not any(task.late(now) for task in tasks)
        assert all(each.people == () for each in of_incident("INC-1", tasks) if each.back)
        assert len({task.number for task in tasks}) == len(tasks)
