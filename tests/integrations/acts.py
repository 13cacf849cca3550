"""What is asked of the engine of a cluster, one after another."""

from __future__ import annotations

from integrations.contract import Call, Engine, Goal, JobRef, JobState, Phase
from tests.integrations.host import until
from tests.pgbackrest import Cluster


class Acts:
    """What is asked of an engine, one after another, each under a key of its own."""

    def __init__(self, engine: Engine, cluster: Cluster) -> None:
        self.engine, self.cluster, self.count = engine, cluster, 0

    async def ended(self, call: Call) -> JobState:
        self.count += 1
        token = self.count if call.operation.startswith("restore") else None
        ref = await self.engine.start(call, key=f"RUN-1/act/{self.count}", token=token)

        return await self.over(ref)

    async def over(self, ref: JobRef) -> JobState:
        async def look() -> JobState | None:
            state = await self.engine.poll(ref)
            return None if state.phase is Phase.RUNNING else state

        return await until(look, seconds=90)

    async def call(self, operation: str, goal: Goal) -> Call:
        found = await self.engine.resolve(self.cluster.source, goal)
        assert found.point, found.because
        return Call(
            operation,
            target=self.cluster.target,
            source=self.cluster.source,
            point=found.point,
            goal=found.goal,
        )

    async def done(self, operation: str, goal: Goal) -> JobState:
        state = await self.ended(await self.call(operation, goal))
        assert state.phase is Phase.SUCCEEDED, state.because
        return state

    async def backed_up(self) -> None:
        state = await self.ended(Call("backup", target=self.cluster.target, params={"type": "full"}))
        assert state.phase is Phase.SUCCEEDED, state.because
