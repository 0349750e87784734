// The metrics: what each report changes, and what a scrape looks like.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { totalsOf } from "../../src/core/conservation.ts";
import { State } from "../../src/core/state.ts";
import { createTelemetry, type Telemetry } from "../../src/runtime/telemetry.ts";

/** Value of one series, by its name with labels as the text format writes them. */
async function seriesValue(telemetry: Telemetry, series: string): Promise<number | undefined> {
  const line = (await telemetry.render())
    .split("\n")
    .find((text) => text.startsWith(`meterhouse_${series} `));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(" ") + 1));
}

function reportAll(telemetry: Telemetry): void {
  const rejected = new Map([["NO_METER", 2] as const, ["INVALID_VALUE", 1] as const]);
  telemetry.recordsJudged({ counted: 6, duplicates: 1, rejected });
  telemetry.groupCommitted({ entries: 3, durationMs: 4 });
  telemetry.outputsReleased({ kind: "metered-record", count: 5 });
  telemetry.snapshotWritten({ bytes: 1_000, durationMs: 250 });
  telemetry.attemptEnded({ result: "refused", durationMs: 20 });
  telemetry.destinationDisabled({ reason: "RECEIVER_GONE" });
  const waiting = { pending: 3, failed: 1, inFlight: 2, disabledDestinations: 1 };
  telemetry.observeDeliveries(() => waiting);
  telemetry.requestAnswered({
    operation: "listMeters",
    method: "GET",
    status: 200,
    milliseconds: 2,
  });
  telemetry.observe(() => ({
    queuedCommands: 1,
    queuedBytes: 2,
    dueMeters: 3,
    oldestDueAgeMs: 4_000,
    meters: 5,
    journalBytes: 6,
    journalBytesWritten: 900,
    lastSeq: 7,
    correctionActions: 0,
    snapshotFailures: 0,
    replayBytes: 7,
    idsInMemory: 7,
    idRuns: 0,
    totals: totalsOf(new State()),
  }));
}

it("[RU20] each report is counted under its step", async () => {
  const telemetry = createTelemetry();
  reportAll(telemetry);
  const expected: readonly [string, number][] = [
    ["usage_requests_total", 1],
    ["usage_records_received_total", 10],
    ["usage_records_read_total", 10],
    ["usage_records_guided_total", 6],
    ['usage_records_judged_total{outcome="counted"}', 6],
    ['usage_records_judged_total{outcome="duplicate"}', 1],
    ['usage_records_judged_total{outcome="rejected"}', 3],
    ['usage_records_rejected_total{reason="NO_METER"}', 2],
    ["journal_entries_total", 3],
    ["journal_bytes_written_total", 900],
    ["journal_group_entries_sum", 3],
    ["journal_group_seconds_sum", 0.004],
    ['outputs_released_total{kind="metered-record"}', 5],
    ['delivery_attempts_total{result="refused"}', 1],
    ["delivery_attempt_seconds_count", 1],
    ['destinations_disabled_total{reason="RECEIVER_GONE"}', 1],
    ["deliveries_pending", 3],
    ["deliveries_failed", 1],
    ["delivery_attempts_in_flight", 2],
    ["destinations_disabled", 1],
    ["snapshots_written_total", 1],
    ["snapshot_seconds", 0.25],
    ['http_request_seconds_count{operation="listMeters",method="GET",status="200"}', 1],
    ["queue_commands", 1],
    ["queue_bytes", 2],
    ["due_meters", 3],
    ["oldest_due_seconds", 4],
    ["meters", 5],
    ["journal_bytes", 6],
    ["journal_last_seq", 7],
  ];
  for (const [series, value] of expected)
    expect([series, await seriesValue(telemetry, series)]).toEqual([series, value]);
});

it("[RU20] gauges are read at each scrape, and the process tells of itself", async () => {
  const telemetry = createTelemetry();
  let queuedCommands = 1;
  const rest = {
    queuedBytes: 0,
    dueMeters: 0,
    oldestDueAgeMs: 0,
    meters: 0,
    journalBytes: 0,
    journalBytesWritten: 0,
    lastSeq: 0,
    correctionActions: 0,
    snapshotFailures: 0,
    replayBytes: 0,
    idsInMemory: 0,
    idRuns: 0,
    totals: totalsOf(new State()),
  };
  telemetry.observe(() => ({ queuedCommands, ...rest }));
  expect(await seriesValue(telemetry, "queue_commands")).toBe(1);
  queuedCommands = 2;
  expect(await seriesValue(telemetry, "queue_commands")).toBe(2);
  expect(await telemetry.render()).toMatch(/^process_resident_memory_bytes \d+/m);
});

it("[RU20] two registries do not share their counts", async () => {
  const [one, other] = [createTelemetry(), createTelemetry()];
  one.recordsJudged({ counted: 1, duplicates: 0, rejected: new Map() });
  expect(await seriesValue(other, "usage_requests_total")).toBe(0);
});

it("[RU20] docs/operations.md explains every metric of ours", async () => {
  const telemetry = createTelemetry();
  reportAll(telemetry);
  const page = readFileSync(new URL("../../../../docs/operations.md", import.meta.url), "utf8");
  const names = [...(await telemetry.render()).matchAll(/^# HELP (meterhouse_\w+)/gm)];
  expect(names.length).toBeGreaterThan(20);
  expect(names.map(([, name]) => name).filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
