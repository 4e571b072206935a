import asyncio

import structlog

from hosting.tasks import TaskSet


async def test_failures_are_logged_and_tasks_forgotten() -> None:
    async def fail() -> None:
        raise ValueError("no")

    tasks = TaskSet("part")
    with structlog.testing.capture_logs() as seen:
        task = tasks.spawn(fail(), "work")
        await asyncio.wait([task])
        await asyncio.sleep(0)
    assert len(tasks) == 0
    assert [(event["event"], event["task"]) for event in seen] == [("task failed", "part.work")]


async def test_close_cancels_and_waits() -> None:
    ended = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    tasks = TaskSet("part")
    tasks.spawn(wait(), "one")
    tasks.spawn(wait(), "two")
    await asyncio.sleep(0)
    await tasks.close()
    assert ended == [True, True]
    assert len(tasks) == 0
