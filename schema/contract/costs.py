"""What a document costs at most: data about fields, and one pure function over it.

The cost of a field is its own plus that of what is selected below it, times how many of those there can be.
Rules, in this order: EXPLICIT names the field; a field with `first` or `last` has as many items as is asked for
(a connection's count for its `edges` and `nodes`); another list of objects has LIST_SIZE; JSON costs JSON_COST;
everything else costs 1. So every new field has a cost; an expensive one is named here.
"""

from __future__ import annotations

from typing import Any

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)
from graphql.execution.values import VariableValues, get_argument_values

from schema.contract.pagination import DEFAULT_PAGE, LARGEST_PAGE
from store.records import record

LIST_SIZE = 10
"""The assumed length of a list of objects where no rule says otherwise."""

JSON_COST = 3
"""A JSON tree is read, decoded and encoded as a whole."""


@record
class Cost:
    """Of a field: `own`, and how many items there can be below it.

    `sized_by` names the argument that says so, by its value or its length; `size` holds without it.
    """

    own: int = 1
    size: int = 1
    sized_by: str | None = None
    why: str = "by rule"


EXPLICIT: dict[str, Cost] = {
    "Query.agentPerformance": Cost(20, 10, why="sums rows of the summary; about as many as there are agents"),
    "Query.compareExecutions": Cost(50, why="reads two executions whole"),
    "Query.leaderboard": Cost(20, why="sums rows of the summary"),
    "Leaderboard.entries": Cost(1, 20, why="about as many as there are agents"),
    "LeaderboardEntry.overTime": Cost(10, 60, why="a row per period and benchmark revision"),
    "LeaderboardEntry.byBenchmark": Cost(5, 50, why="a row per benchmark revision"),
    "Batch.entries": Cost(10, 10, why="sums the executions of a batch"),
    "Query.compareAttempts": Cost(40, why="sums rows of the summary for both sets"),
    "AttemptComparison.benchmarks": Cost(5, 50, why="a row per benchmark revision"),
    **{
        f"AttemptFigures.{field}": Cost(2, why="reads counts, once for a leaderboard")
        for field in ("medianScore", "minScore", "maxScore", "distribution", "p50TimeMs", "p95TimeMs")
    },
    "AttemptFigures.excluded": Cost(2, 5, why="reads counts, once for a leaderboard"),
    "Query.flow": Cost(30, why="may read a session file"),
    "AgentPerformance.byBenchmark": Cost(10, 50, why="sums rows per benchmark"),
    "AgentPerformance.bestBenchmarks": Cost(10, 5, "first", "ranks all benchmarks, gives a few"),
    "AgentPerformance.worstBenchmarks": Cost(10, 5, "first", "ranks all benchmarks, gives a few"),
    "AgentPerformance.overTime": Cost(10, 100, why="a row per period"),
    "ExecutionTimeFigures.p95Ms": Cost(5, why="reads buckets"),
    "AgentPerformance.excluded": Cost(2, 5, why="sums a few rows of the summary"),
    "BenchmarkPerformance.excluded": Cost(2, 5, why="sums a few rows of the summary"),
    "AgentPerformance.settings": Cost(2, why="counts a few rows"),
    "Agent.performance": Cost(10, why="sums rows of the summary"),
    "Benchmark.performance": Cost(10, 10, why="sums rows of the summary per agent"),
    "Benchmark.latestExecution": Cost(2, why="an index lookup"),
    "Benchmark.latestExecutions": Cost(2, 10, "agents", "an index lookup per agent"),
    "Benchmark.diff": Cost(20, why="compares two definitions"),
    "Batch.figures": Cost(5, why="sums the executions of a batch"),
    "Batch.failures": Cost(5, 15, why="counts the executions of a batch; few kinds"),
    "Query.agentNames": Cost(10, why="looks through the summary for names"),
    "Batch.reruns": Cost(2, 100, why="an index lookup, and a row per rerun"),
    "BatchConnection.totalCount": Cost(5, why="counts batches"),
    "BatchConnection.offset": Cost(5, why="counts batches"),
    "BenchmarkConnection.totalCount": Cost(5, why="counts benchmarks"),
    "BenchmarkConnection.offset": Cost(5, why="counts benchmarks"),
    "BenchmarkConnection.figures": Cost(10, 200, why="a row per agent and benchmark of the page"),
    "Query.benchmarkTags": Cost(5, LARGEST_PAGE, "first", "counts the tags of all benchmarks"),
    "ExecutionConnection.totalCount": Cost(50, why="counts an index, unless the summary knows"),
    "Execution.queuePosition": Cost(2, why="numbers the queue, once for a page"),
    "Execution.steps": Cost(5, 10, why="reads results, which may be large"),
    "Execution.toolCalls": Cost(5, 20, why="reads tool calls with what they returned"),
    "Execution.conversation": Cost(5, DEFAULT_PAGE, "first", "reads what a model was shown and said"),
    "ConversationEntry.messages": Cost(1, 2, why="what is new in one turn; read with its entry"),
    "ConversationMessage.toolCalls": Cost(1, 2, why="few in one answer; read with their entry"),
    "ConversationConnection.totalCount": Cost(5, why="counts the lines of a transcript"),
    "Execution.transactionLogs": Cost(5, why="reads results"),
    "Execution.trace": Cost(10, why="reads results and draws a text"),
    "Execution.flow": Cost(15, why="reads results and tool calls and draws a diagram"),
    "Execution.log": Cost(20, why="up to a piece of a runner's output"),
    "Execution.toolLog": Cost(5, why="reads the prompts of a tool log, which may be large"),
    "Execution.remarks": Cost(2, 20, why="reads what there is to say about files"),
    "ToolLog.text": Cost(20, why="up to a piece of a tool log"),
    "Execution.events": Cost(2, LARGEST_PAGE, "first", "a row per event"),
    "TransactionLogs.plain": Cost(5, why="parses and draws"),
    "TransactionLogs.tree": Cost(5, why="parses and draws"),
    "TransactionLogs.yaml": Cost(5, why="parses and draws"),
    "Mutation.syncBenchmarks": Cost(200, why="reads a directory"),
    "Mutation.upsertBenchmark": Cost(20, why="parses and writes"),
    "Mutation.archiveBenchmark": Cost(10, why="waits for other writers"),
    "Mutation.restoreBenchmark": Cost(20, why="may write a file"),
    "Mutation.runBenchmark": Cost(50, why="starts a process"),
    "Mutation.runBenchmarks": Cost(200, why="starts many processes"),
    "Mutation.rerunBatch": Cost(200, why="starts many processes"),
    "Mutation.tagExecutions": Cost(50, why="changes many rows"),
    "TagExecutionsSuccess.executions": Cost(1, LARGEST_PAGE, why="a row per execution"),
    "Mutation.stopBatch": Cost(200, why="ends many processes"),
    "Mutation.rerunExecution": Cost(50, why="starts a process"),
    "Mutation.stopExecution": Cost(10, why="ends a process"),
    "Mutation.importReevDatabase": Cost(500, why="reads a database of reev, after it has answered"),
    "Execution.importRecord": Cost(5, why="reads the rows that an execution was imported from"),
    "Mutation.importSessionFiles": Cost(500, why="reads thousands of files"),
    "Mutation.testAgentConnection": Cost(100, why="calls another server"),
    "Mutation.testWebhook": Cost(100, why="calls another server"),
    "Query.webhooks": Cost(5, 50, why="at most 50, with what each has not been told"),
    "Subscription.queuePositions": Cost(5, 10, "executionIds", why="numbers the queue whenever it moves"),
    "SyncBenchmarksSuccess.files": Cost(1, 100, why="a row per file"),
    "ImportSessionFilesSuccess.files": Cost(1, 1000, why="a row per file"),
}
"""What costs more than the rules say, by `Type.field`."""


def cost_of_field(parent: str, name: str, field: GraphQLField) -> Cost:
    """The cost of a field of the contract: explicit, or by rule."""
    explicit = EXPLICIT.get(f"{parent}.{name}")
    if explicit is not None:
        return explicit
    kind = get_named_type(field.type)
    if is_leaf_type(kind):
        return Cost(JSON_COST) if kind.name == "JSON" else Cost()
    if "first" in field.args:
        return Cost(1, DEFAULT_PAGE, "first")
    return Cost(1, LIST_SIZE) if is_list_type(get_nullable_type(field.type)) else Cost()


def cost_of_operation(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, values: VariableValues
) -> int:
    """What `operation` of `document` can cost with these variables, coerced as they are for executing it."""
    return _Measure(schema, document, values).total(operation)


def cost_bound(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> int | None:
    """What `operation` can cost whatever its variables are; None where one of them is a list without a bound."""
    try:
        return _Measure(schema, document, None).total(operation)
    except _Unbounded:
        return None


class _Unbounded(Exception):
    """How many items there are depends on the length of a variable."""


class _Measure:
    """A document with the variables of an operation; without them, whatever they are.

    `page` is the page size of the connection that a selection is in.
    """

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, values: VariableValues | None) -> None:
        self._schema, self._values = schema, values
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[tuple[str, int], int] = {}

    def total(self, operation: OperationDefinitionNode) -> int:
        root = self._schema.get_root_type(operation.operation)
        return self._selections(operation.selection_set, root, 1)

    def _type_named(self, name: str) -> GraphQLNamedType | None:
        """Introspection is about the contract, which is small and in memory: nothing in it is multiplied."""
        return None if name.startswith("__") else self._schema.get_type(name)

    def _selections(self, selections: SelectionSetNode, parent: GraphQLNamedType | None, page: int) -> int:
        total = 0
        for node in selections.selections:
            if self._left_out(node):
                continue
            match node:
                case FieldNode():
                    total += self._field(node, parent, page)
                case InlineFragmentNode():
                    condition = node.type_condition
                    kind = parent if condition is None else self._type_named(condition.name.value)
                    total += self._selections(node.selection_set, kind, page)
                case FragmentSpreadNode():
                    total += self._fragment(node.name.value, page)
        return total

    def _fragment(self, name: str, page: int) -> int:
        fragment = self._fragments.get(name)
        if fragment is None:
            return 0
        key = (name, page)
        if key not in self._known:
            # A fragment inside itself is invalid; it must not keep us here all the same.
            self._known[key] = 0
            kind = self._type_named(fragment.type_condition.name.value)
            self._known[key] = self._selections(fragment.selection_set, kind, page)
        return self._known[key]

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, page: int) -> int:
        name = node.name.value
        if name == "__typename":
            return 0
        fields = parent.fields if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else {}
        field = fields.get(name)
        below = node.selection_set
        if parent is None or field is None:
            return 1 + (0 if below is None else self._selections(below, None, 1))
        cost, kind = cost_of_field(parent.name, name, field), get_named_type(field.type)
        if below is None:
            return cost.own
        size = self._size(node, field, cost)
        if kind.name.endswith("Connection"):
            return cost.own + self._selections(below, kind, size)
        if parent.name.endswith("Connection") and name in ("edges", "nodes"):
            size = page
        return cost.own + size * self._selections(below, kind, 1)

    def _size(self, node: FieldNode, field: GraphQLField, cost: Cost) -> int:
        """How many items there are at most, by the arguments that the resolver gets."""
        if cost.sized_by is None:
            return cost.size
        for name in (cost.sized_by, "last"):
            asked = self._argument(node, field, name) if name in field.args else None
            if isinstance(asked, list):
                return max(1, len(asked))
            if isinstance(asked, int):
                return max(1, min(asked, LARGEST_PAGE))
        return cost.size

    def _argument(self, node: FieldNode, field: GraphQLField, name: str) -> Any:
        """Its value as it is when the field is executed; None when the field cannot be."""
        if self._values is None:
            given = next((each.value for each in node.arguments or () if each.name.value == name), None)
            if isinstance(given, VariableNode):
                if is_list_type(get_nullable_type(field.args[name].type)):
                    raise _Unbounded
                return LARGEST_PAGE
            if isinstance(given, ListValueNode):
                return [*given.values]
        try:
            alone = GraphQLField(field.type, {name: field.args[name]})
            return get_argument_values(alone, node, self._values).get(name)
        except GraphQLError:
            return None

    def _left_out(self, node: SelectionNode) -> bool:
        """Whether @skip or @include leave it out."""
        return any(
            directive.name.value in ("skip", "include")
            and self._condition(directive) is (directive.name.value == "skip")
            for directive in node.directives or ()
        )

    def _condition(self, directive: DirectiveNode) -> object:
        """The value of `if`; None when it is neither true nor false, or not known."""
        match next((each.value for each in directive.arguments or () if each.name.value == "if"), None):
            case BooleanValueNode(value=value):
                return value
            case VariableNode(name=name) if self._values is not None:
                return self._values.coerced.get(name.value)
            case _:
                return None
