"""The GraphQL documents that the commands send; a test validates each against the schema."""

from __future__ import annotations

_EXECUTION = """
fragment Summary on Execution {
  id benchmarkId agent origin status solved isAttempt computedScore score success queuedAt startedAt endedAt
  queueDurationMs executionTimeMs exitCode progress { stepsDone stepsTotal }
  failure { kind message exitCode exitSignal }
}
"""

_ENTRY = """
fragment Entry on ConversationEntry {
  ordinal at kind step turn finishReason inputTokens outputTokens durationMs errorType errorMessage httpStatus
  messages { role text toolCalls { name arguments } }
  toolCall { name arguments result isError durationMs }
}
"""

_USAGE = """
fragment Usage on ModelUsage {
  turns requests retries toolCalls invalidToolCalls inputTokens outputTokens cachedTokens reasoningTokens waitedMs
  cost stopReason model responseModel settingsHash promptHash toolSet finalText
}
"""

_FIGURES = """
fragment Figures on AttemptFigures {
  attempts solved excluded { reason executions }
  solveRate solveRateInterval { low high } meanScore meanScoreInterval { low high } medianScore minScore maxScore
  inputTokens outputTokens cachedTokens reasoningTokens cost costPerAttempt costPerSolved
  meanTimeMs p50TimeMs p95TimeMs
}
"""

_ENTRIES = f"""
fragment AgentFigures on LeaderboardEntry {{
  agent settingsHash settingsSummary model benchmarks isPartial figures {{ ...Figures }}
}}
{_FIGURES}
"""

_ERRORS = """
__typename
... on Error { code message }
"""

SYNC = f"""
mutation Sync($input: SyncBenchmarksInput) {{
  syncBenchmarks(input: $input) {{
    {_ERRORS}
    ... on SyncBenchmarksSuccess {{
      created updated unchanged archived kept failed durationMs
      files {{ file benchmarkId outcome staysArchived error {{ message line column }} remarks {{ path message }}
        benchmark {{ runnableLocally whyNotRunnableLocally referenceAnswer {{ exists reason }} }} }}
    }}
  }}
}}
"""

RUN = f"""
mutation Run($input: RunBenchmarkInput!) {{
  runBenchmark(input: $input) {{
    {_ERRORS}
    ... on RunBenchmarkSuccess {{ created execution {{ ...Summary }} }}
  }}
}}
{_EXECUTION}
"""

_BATCH = """
fragment Counts on Batch {
  id name note tags size requestedAt
  progress { queued running stopping succeeded failed timedOut stopped lost ended }
  figures { attempts solved solveRate solveRateInterval { low high } meanComputedScore }
}
"""

RUN_MANY = f"""
mutation RunMany($input: RunBenchmarksInput!) {{
  runBenchmarks(input: $input) {{
    {_ERRORS}
    ... on RunBenchmarksSuccess {{ batch {{ ...Counts }} }}
  }}
}}
{_BATCH}
"""

RERUN_BATCH = f"""
mutation RerunBatch($input: RerunBatchInput!) {{
  rerunBatch(input: $input) {{
    {_ERRORS}
    ... on RunBenchmarksSuccess {{ batch {{ ...Counts }} }}
  }}
}}
{_BATCH}
"""

BATCH = f"""
query Batch($id: ID!) {{ batch(id: $id) {{ ...Counts entries {{ ...AgentFigures }} }} }}
{_BATCH}{_ENTRIES}
"""

LEADERBOARD = f"""
query Leaderboard($filter: LeaderboardFilter, $orderBy: LeaderboardOrder!, $first: Int!) {{
  leaderboard(filter: $filter, orderBy: $orderBy, first: $first) {{
    totalCount benchmarks entries {{ ...AgentFigures }}
  }}
}}
{_ENTRIES}
"""

COMPARE = f"""
query Compare($baseline: AttemptSetInput!, $candidate: AttemptSetInput!) {{
  compareAttempts(baseline: $baseline, candidate: $candidate) {{
    verdict sentence
    baseline {{ ...Figures }}
    candidate {{ ...Figures }}
    solveRateDifference solveRateDifferenceInterval {{ low high }}
    scoreDifference scoreDifferenceInterval {{ low high }}
    benchmarks {{
      benchmarkId revision
      baseline {{ attempts solved solveRate meanScore }}
      candidate {{ attempts solved solveRate meanScore }}
      solveRateDifference scoreDifference
    }}
    onlyInBaseline onlyInCandidate
  }}
}}
{_FIGURES}
"""

BATCHES = f"""
query Batches($first: Int!, $filter: BatchFilter) {{
  batches(first: $first, filter: $filter) {{ nodes {{ ...Counts }} }}
}}
{_BATCH}
"""

BATCH_EXECUTIONS = f"""
query BatchExecutions($id: ID!, $first: Int!, $after: String) {{
  batch(id: $id) {{
    executions(first: $first, after: $after) {{
      updatesCursor
      pageInfo {{ hasNextPage endCursor }}
      nodes {{ ...Summary trial benchmarkRevision assertions {{ outcome }} }}
    }}
  }}
}}
{_EXECUTION}
"""

BENCHMARK_IDS = """
query BenchmarkIds($first: Int!, $after: String, $filter: BenchmarkFilter) {
  benchmarks(first: $first, after: $after, filter: $filter) {
    nodes { id revision }
    pageInfo { hasNextPage endCursor }
  }
}
"""

STOP_BATCH = f"""
mutation StopBatch($id: ID!) {{
  stopBatch(input: {{ batchId: $id }}) {{
    {_ERRORS}
    ... on StopBatchSuccess {{ stopped stopping }}
  }}
}}
"""

BATCH_UPDATES = f"""
subscription BatchUpdates($id: ID!, $after: String) {{
  batchUpdates(batchId: $id, after: $after) {{
    cursor progress {{ ended isOver }} event {{ status }}
    execution {{ ...Summary trial assertions {{ outcome }} }}
  }}
}}
{_EXECUTION}
"""

STOP = f"""
mutation Stop($id: ID!) {{
  stopExecution(input: {{ executionId: $id }}) {{
    {_ERRORS}
    ... on StopExecutionSuccess {{ execution {{ ...Summary }} }}
  }}
}}
{_EXECUTION}
"""

EVENTS = f"""
subscription Events($id: ID!, $after: Int!) {{
  executionEvents(executionId: $id, after: $after) {{
    seq at kind status
    toolCall {{ ordinal name status durationMs errorMessage }}
    progress {{ stepsDone stepsTotal }}
    entry {{ ...Entry }}
    execution {{ ...Summary assertions {{ outcome }} usage {{ ...Usage }} }}
  }}
}}
{_EXECUTION}{_ENTRY}{_USAGE}
"""

IMPORT = f"""
mutation Import($input: ImportSessionFilesInput!) {{
  importSessionFiles(input: $input) {{
    {_ERRORS}
    ... on ImportSessionFilesSuccess {{
      directory total otherCount others remaining endCursor
      imported added unchanged conflicts failed linesNotUsed durationMs
      files {{ file outcome executionId reason remarks }}
    }}
  }}
}}
"""

STATUS = "query Status($id: ID!) { execution(id: $id) { status } }"

EXECUTIONS = f"""
query Executions($first: Int!, $after: String, $filter: ExecutionFilter, $orderBy: ExecutionOrder) {{
  executions(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {{
    nodes {{ ...Summary }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}
{_EXECUTION}
"""

ARCHIVE_BENCHMARK = """
mutation ArchiveBenchmark($input: ArchiveBenchmarkInput!) {
  archiveBenchmark(input: $input) {
    __typename
    ... on ArchiveBenchmarkSuccess { outcome benchmark { id revision archivedAt archiveReason } }
    ... on Error { message code }
  }
}
"""

RESTORE_BENCHMARK = """
mutation RestoreBenchmark($input: RestoreBenchmarkInput!) {
  restoreBenchmark(input: $input) {
    __typename
    ... on RestoreBenchmarkSuccess { outcome writtenFile benchmark { id revision archivedAt archiveReason } }
    ... on Error { message code }
  }
}
"""

BENCHMARKS = """
query Benchmarks($first: Int!, $after: String, $filter: BenchmarkFilter) {
  benchmarks(first: $first, after: $after, filter: $filter) {
    nodes { id description tags revision revisedAt archivedAt }
    pageInfo { hasNextPage endCursor }
  }
}
"""

_CONFIG = """
fragment Config on AgentConfig {
  agent apiUrl model hasApiKey updatedAt revision settingsHash summary
  settings {
    protocol temperature topP seed maxTokens maxTurns maxToolCalls requestTimeoutMs timeLimitMs retries toolSet
    enumNames simulate conversation onLimit priceIn priceOut parameters dropMessageFields dropSchemaKeywords
  }
}
"""

AGENT_CONFIGS = f"""
query AgentConfigs {{ agents {{ name usesModel config {{ ...Config }} }} }}
{_CONFIG}
"""

SAVE_AGENT = f"""
mutation SaveAgent($input: SaveAgentConfigInput!) {{
  saveAgentConfig(input: $input) {{
    {_ERRORS}
    ... on SaveAgentConfigSuccess {{ config {{ ...Config }} }}
  }}
}}
{_CONFIG}
"""

TEST_AGENT = f"""
mutation TestAgent($input: TestAgentConnectionInput!) {{
  testAgentConnection(input: $input) {{
    {_ERRORS}
    ... on TestAgentConnectionSuccess {{ ok url latencyMs httpStatus problem {{ kind message }} }}
  }}
}}
"""

REMOVE_AGENT = f"""
mutation RemoveAgent($input: DeleteAgentConfigInput!) {{
  deleteAgentConfig(input: $input) {{
    {_ERRORS}
    ... on DeleteAgentConfigSuccess {{ agent }}
  }}
}}
"""

_WEBHOOK = """
fragment Hook on Webhook { id url events createdAt pending deliveredAt failingSince lastError disabledAt }
"""

WEBHOOKS = f"""
query Webhooks {{ webhooks {{ ...Hook }} }}
{_WEBHOOK}
"""

SAVE_WEBHOOK = f"""
mutation SaveWebhook($input: SaveWebhookInput!) {{
  saveWebhook(input: $input) {{
    {_ERRORS}
    ... on SaveWebhookSuccess {{ secret webhook {{ ...Hook }} }}
  }}
}}
{_WEBHOOK}
"""

TEST_WEBHOOK = f"""
mutation TestWebhook($input: TestWebhookInput!) {{
  testWebhook(input: $input) {{
    {_ERRORS}
    ... on TestWebhookSuccess {{ ok url latencyMs httpStatus problem {{ kind message }} }}
  }}
}}
"""

REMOVE_WEBHOOK = f"""
mutation RemoveWebhook($input: DeleteWebhookInput!) {{
  deleteWebhook(input: $input) {{
    {_ERRORS}
    ... on DeleteWebhookSuccess {{ id }}
  }}
}}
"""

EXECUTION = f"""
query Execution($id: ID!) {{
  execution(id: $id) {{
    pruned {{ prunedAt steps toolCalls outputBytes }}
    ...Summary
    usage {{ ...Usage }}
    conversation(first: 100) {{ nodes {{ ...Entry }} pageInfo {{ hasNextPage }} }}
    benchmarkRevision lastActivityAt timeoutMs prompt promptSource promptTruncated trace
    remarks {{ file line message }}
    scoring {{ score instructionScore onchainScore passed issues details }}
    assertions {{ outcome description actual reason }}
    toolCalls {{ ordinal name rawName status startedAt durationMs params result errorMessage }}
    steps {{ ordinal thought }}
  }}
}}
{_EXECUTION}{_ENTRY}{_USAGE}
"""
