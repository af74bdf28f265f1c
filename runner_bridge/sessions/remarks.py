"""What there is to say about the files of executions: their tool logs and session files."""

from __future__ import annotations

from collections.abc import Sequence

from runner_bridge.formats.file_names import session_file_name
from runner_bridge.formats.session_file import rounded_score
from store.executions import results, tool_logs
from store.executions.tool_logs import Remark, RemarkKind
from store.model import ExecutionId
from store.postgres.database import Database


async def remarks_of(db: Database, ids: Sequence[ExecutionId]) -> dict[ExecutionId, tuple[Remark, ...]]:
    """The remarks on each execution, those on its session file first; executions without any are absent."""
    remarks = await tool_logs.remarks_of(db, ids)
    for execution_id, found in (await results.rounded_scores_of(db, ids)).items():
        message = rounded_score(found.raw, found.score)
        remark = Remark(RemarkKind.CHANGED_VALUE, session_file_name(found.session_id), None, message)
        remarks[execution_id] = (remark, *remarks.get(execution_id, ()))
    return remarks
