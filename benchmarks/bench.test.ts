// The benchmark at tiny sizes, checked against the bodies themselves; and that its own checks can
// fail: a wrong meter, an answer that is no success.
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { endProcesses, runScript } from "../packages/server/test/support/server-process.ts";
import { Ledger } from "./ledger.ts";
import { sendAll } from "./load.ts";
import { compare, type Round } from "./measurement.ts";
import { createWorkload, userIdOf } from "./workload.ts";

const program = fileURLToPath(new URL("./bench.ts", import.meta.url));

afterEach(endProcesses);

describe("npm run bench", () => {
  it("--quick counts what the bodies say, and says so", async () => {
    const exit = await runScript(program, ["--quick", "--json"], {});
    expect(exit.stderr).toBe("");
    const report = JSON.parse(exit.stdout);
    expect(report.comparisons).toHaveLength(3);
    for (const { meterhouse, beside, ratio } of report.comparisons) {
      expect(meterhouse.cpuPerRecord).toBeGreaterThan(0);
      expect(Math.min(meterhouse.recordsPerSecond, beside.recordsPerSecond, ratio)).toBeGreaterThan(
        0,
      );
    }
    // A round to warm up and two that count, of 10 batches of 50 and of 100 single records.
    const workload = createWorkload(200, 20_231_116);
    const batches = Array.from({ length: 30 }, () => workload.batch(50));
    const singles = Array.from({ length: 300 }, () => workload.single());
    const texts = [...batches, ...singles].map(({ body }) => body.toString());
    const values = texts.flatMap((text) => [...text.matchAll(/"value":(\d+)\.(\d{3})/g)]);
    const thousandths = values.reduce((sum, match) => sum + BigInt(`${match[1]}${match[2]}`), 0n);
    const [overHttp, core] = report.checks;
    expect([overHttp.faults, core.faults]).toEqual([[], []]);
    expect(overHttp.records).toBe(1_800);
    expect(BigInt(overHttp.sum.replace(".", "").padEnd(8, "0"))).toBe(thousandths);
    expect(overHttp.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(exit.code).toBe(0);
  });

  it.each([["--seconds=0"], ["--rounds=x"], ["--quik"]])("refuses %s", async (argument) => {
    const exit = await runScript(program, [argument], {});
    expect(exit.stderr).toMatch(/must be a whole number from 1|Unknown option '--quik'/);
    expect([exit.code, exit.stdout]).toEqual([1, ""]);
  });
});

describe("the check of the meters", () => {
  const batch = { body: Buffer.alloc(0), users: Uint32Array.of(0, 1, 0), thousandths: amounts() };
  const right = [
    { userId: userIdOf(0), valueExact: "1.25", meterMetaData: { count: 2 } },
    { userId: userIdOf(1), valueExact: "10", meterMetaData: { count: 1 } },
  ];

  function amounts(): Uint32Array {
    return Uint32Array.of(1_000, 10_000, 250);
  }

  it("finds nothing where all is right", () => {
    const ledger = new Ledger(2);
    ledger.acknowledge(batch, 3);
    expect(ledger.compare(right)).toMatchObject({ records: 3, sum: "11.25", faults: [] });
  });

  it.each([
    ["a value", [{ ...right[0], valueExact: "1.250000001" }, right[1]]],
    ["a count", [right[0], { ...right[1], meterMetaData: { count: 2 } }]],
    ["a missing meter", [right[0]]],
    ["one too many", [...right, { ...right[0], userId: "other" }]],
  ])("finds %s", (_, meters) => {
    const ledger = new Ledger(2);
    ledger.acknowledge(batch, 3);
    const found = ledger.compare(
      meters.flatMap((meter) => (meter === undefined ? [] : [whole(meter)])),
    );
    expect(found.faults.length).toBeGreaterThan(0);
  });

  it("finds a body of which not all was counted", () => {
    const ledger = new Ledger(2);
    ledger.acknowledge(batch, 2);
    expect(ledger.compare(right).faults).toEqual(["Of 3 new records 2 were counted."]);
  });

  function whole(meter: Partial<(typeof right)[number]>): (typeof right)[number] {
    const { userId = "", valueExact = "", meterMetaData = { count: 0 } } = meter;
    return { userId, valueExact, meterMetaData };
  }
});

it("an answer other than 200 ends the load", async () => {
  const server = createServer((_, response) => response.writeHead(503).end("busy"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const bodies = [Buffer.from("{}"), Buffer.from("{}")];
  const sent = sendAll({ port, path: "/", token: "t" }, bodies, 2);
  await expect(sent).rejects.toThrow("HTTP/1.1 503");
  server.closeAllConnections();
  server.close();
});

it("figures are medians over the rounds, the ratio that of the pairs", () => {
  const round = (seconds: number, latencies: readonly number[]): Round => ({
    records: 100,
    seconds,
    latenciesMs: Float64Array.from(latencies),
    cpuSeconds: seconds / 2,
  });
  const slow = { meterhouse: round(4, [9, 1, 5]), beside: round(2, [1]) };
  const usual = { meterhouse: round(2, [4, 2, 3]), beside: round(1, [1]) };
  const fast = { meterhouse: round(1, [2, 1, 3]), beside: round(0.25, [1]) };
  const { meterhouse, ratio } = compare({ name: "n", beside: "b" }, [slow, usual, fast]);
  expect(meterhouse).toEqual({ recordsPerSecond: 50, p50Ms: 3, p99Ms: 4, cpuPerRecord: 10_000 });
  expect(ratio).toBe(0.5);
});
