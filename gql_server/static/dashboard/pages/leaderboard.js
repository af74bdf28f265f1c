// Agents and their settings, ranked: solved of attempts with intervals, and every other figure.
import * as format from "../format.js";
import { html, useMemo } from "../html.js";
import { useLiveQuery } from "../live_query.js";
import { Board } from "../parts/board.js";
import { ENDS_STREAM, useEnds } from "../parts/ends.js";
import { SearchField } from "../parts/field.js";
import { Nothing } from "../parts/nothing.js";
import { Shown } from "../parts/notices.js";
import { RankPager } from "../parts/pager.js";
import { kOf } from "../parts/pass_k.js";
import { Scatter } from "../parts/scatter.js";
import { Link, usePage, useSearch } from "../router.js";

const DAY_MS = 86_400_000;
const TIMES = [
  ["1", "last day"],
  ["7", "last 7 days"],
  ["30", "last 30 days"],
  ["365", "last year"],
];

const filterOf = ({ benchmark, tag, batch, days }) => ({
  benchmarkIds: benchmark ? [benchmark] : null,
  tags: tag ? [tag] : null,
  batchId: batch || null,
  since: days ? new Date(Date.now() - Number(days) * DAY_MS).toISOString() : null,
});

// As many lines at a time as leaderboard.graphql asks for.
const PAGE = 100;
const placeOf = ({ from }) => (/^[0-9]{1,6}$/.test(from ?? "") ? Number(from) : 0);

export function LeaderboardPage() {
  const heading = usePage("Leaderboard");
  const [search, change] = useSearch();
  const { sort = "SOLVE_RATE", direction = "DESC" } = search;
  const key = JSON.stringify({ ...search, against: null });
  const filter = useMemo(() => filterOf(search), [key]);
  const order = useMemo(() => ({ field: sort, direction }), [key]);
  const live = useLiveQuery({
    key,
    query: "leaderboard",
    variables: { filter, orderBy: order, k: kOf(search), offset: placeOf(search) },
    streams: [ENDS_STREAM()],
  });
  useEnds(live);
  const sortBy = (field) =>
    change({ sort: field, direction: sort === field && direction === "DESC" ? "ASC" : "DESC", from: null });
  return html`
    <h1 ref=${heading} tabindex="-1">Leaderboard</h1>
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <${SearchField} label="Benchmark" placeholder="id" value=${search.benchmark} change=${(benchmark) => change({ benchmark, from: null })} />
      <${SearchField} label="Benchmarks with the tag" value=${search.tag} change=${(tag) => change({ tag, from: null })} />
      <label>Ended in the
        <select value=${search.days ?? ""} onChange=${(event) => change({ days: event.target.value, from: null })}>
          <option value="">whole time</option>
          ${TIMES.map(([days, words]) => html`<option key=${days} value=${days}>${words}</option>`)}
        </select>
      </label>
      <${SearchField} label="Batch" placeholder="id" value=${search.batch} change=${(batch) => change({ batch, from: null })} />
    </form>
    <${Shown} live=${live} what="the leaderboard">
      ${({ leaderboard }) => html`<${List} leaderboard=${leaderboard} k=${live.asked.k} within=${within(filter)} filter=${filter} order=${order} sortBy=${sortBy} against=${search.against} from=${placeOf(search)} change=${change} />`}
    </${Shown}>
  `;
}

// The same conditions for what is compared.
function within({ batchId, ...filter }) {
  const given = { ...filter, batchIds: batchId && [batchId] };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value != null));
}

function List({
  leaderboard: { entries, totalCount, benchmarks },
  k,
  within,
  filter,
  order,
  sortBy,
  against,
  from,
  change,
}) {
  if (entries.length === 0 && from === 0)
    return html`<${Nothing} what="attempt" filters=${["benchmark", "tag", "batch", "days"]}><p>Agents stand here when an execution of theirs has ended. Start one from the <${Link} href="/">grid</${Link}>.</p></${Nothing}>`;
  return html`
    <p class="quiet" role="status">${totalCount === 1 ? "1 line" : `${format.count(totalCount)} lines`}, one for each agent and its settings; ${format.many(benchmarks, "benchmark")} in all. An interval says where the true rate lies with a confidence of 95 %: few attempts make it wide.</p>
    <${RankPager} shown=${entries.length} total=${totalCount} size=${PAGE} from=${from} one="line" change=${change} />
    ${totalCount > entries.length && html`<p class="quiet">Drawn are the lines of this page.</p>`}
    <${Scatter} entries=${entries} measure=${against} choose=${(against) => change({ against })} />
    <${Board} entries=${entries} k=${k} within=${within} filter=${filter} order=${order} sortBy=${sortBy} />
  `;
}
