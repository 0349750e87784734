// A real server is killed with SIGKILL while it reprocesses 20,000 records, again and again, until the
// action is finished: every record must be counted, and none twice.
import { afterEach, expect, it } from "vitest";
import { endProcesses, newDataDirectory, startServer } from "../support/server-process.ts";

const client = {
  METERHOUSE_CLIENT_ID: "client-of-settings",
  METERHOUSE_CLIENT_SECRET: "0123456789abcdefghijklmnopqrstuvwxyz-ABCD",
};
const records = 20_000;
const perRequest = 10_000;
/** Kills while the action is on its way; the last life ends it. */
const killsMax = 2;
/** Looks at an action before the test gives up; each waits for an answer. */
const looksMax = 20_000;

afterEach(endProcesses);

interface Api {
  get(path: string): Promise<Record<string, unknown>>;
  post(path: string, body: object): Promise<Record<string, unknown>>;
}

async function logIn(baseUrl: string): Promise<Api> {
  const issued = await fetch(`${baseUrl}/oauth/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      grant_type: "client_credentials",
      client_id: client.METERHOUSE_CLIENT_ID,
      client_secret: client.METERHOUSE_CLIENT_SECRET,
      audience: baseUrl,
    }),
  });
  const { access_token: token } = (await issued.json()) as { access_token: string };
  const call = async (path: string, init: RequestInit): Promise<Record<string, unknown>> => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await fetch(`${baseUrl}${path}`, { ...init, headers });
    expect(response.status, path).toBeLessThan(300);
    return (await response.json()) as Record<string, unknown>;
  };
  return {
    get: (path) => call(path, { headers: {} }),
    post: (path, body) => call(path, { method: "POST", body: JSON.stringify(body) }),
  };
}

/** Looks at an action until it is as wanted; nothing but its own progress is waited for. */
async function until(
  api: Api,
  id: unknown,
  isReached: (action: Record<string, unknown>) => boolean,
): Promise<Record<string, unknown>> {
  for (let looks = 0; looks < looksMax; looks += 1) {
    const action = await api.get(`/data-correction/actions/${id}`);
    if (isReached(action)) return action;
  }
  throw new Error("the action does not go on");
}

const isFinished = ({ state }: Record<string, unknown>): boolean => state === "finished";

it("[DC24] killed while it reprocesses 20,000 records, it counts each of them once", async () => {
  const directory = newDataDirectory();
  let server = startServer(directory, client);
  let api = await logIn(await server.started);
  const { meterProcessors } = await api.get("/meter-processors");
  const [{ meterKey }] = meterProcessors as [{ meterKey: string }];
  const { id: meterTypeId } = await api.post("/meter-types", {
    name: "Calls",
    unit: "calls",
    timezone: "Etc/UTC",
    aggregation: { type: "sum" },
    resetSchedule: { minute: "0", hour: "0", day: "1", month: "1", weekday: "*" },
  });
  const meter = await api.post("/meters", { userId: "user", meterKey, meterTypeId });
  for (let sent = 0; sent < records; sent += perRequest) {
    const body = Array.from({ length: perRequest }, (_, at) => ({
      id: `r-${sent + at}`,
      userId: "user",
      amount: 1,
    }));
    await api.post(`/meter-processors/${meterKey}/usage-records`, body);
  }
  const rename = { from: "amount", to: "value" };
  const fix = await api.post("/data-correction/correct", { filter: {}, rename });
  await until(api, fix.id, isFinished);
  const { id } = await api.post("/data-correction/reprocess", { filter: {} });
  let kills = 0;
  for (let progress = 0; kills < killsMax; kills += 1) {
    const action = await until(api, id, ({ state, done }) => {
      return state === "finished" || Number(done) > progress;
    });
    if (isFinished(action)) break;
    progress = Number(action.done);
    server.signal("SIGKILL");
    await server.exited;
    server = startServer(directory, client);
    api = await logIn(await server.started);
  }
  expect(kills).toBeGreaterThan(0);
  const finished = await until(api, id, isFinished);
  expect(finished).toMatchObject({ total: records, done: records, failed: 0, skipped: 0 });
  const counted = await api.get(`/meters/${meter.id}`);
  expect(counted).toMatchObject({ valueExact: String(records), meterMetaData: { count: records } });
  server.signal("SIGTERM");
  expect((await server.exited).code).toBe(0);
});
