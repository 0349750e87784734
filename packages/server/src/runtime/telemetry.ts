// The metrics of the seven steps (receive, read, journal, guide, count, release, deliver), of HTTP
// and of the process, in a registry of their own. Callers report once a request or once a group,
// never once a record. Labels come from closed sets: nothing that a caller sent, no ids.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { RejectionReason } from "../core/outcome.ts";
import type { EngineGauges } from "../gauges.ts";
import { RequestTimes } from "./request-times.ts";

/** What the other parts report. Every method is cheap, total, and may be called at any time. */
export interface Telemetry {
  /** One usage request, journaled and applied: how its records were received, read and counted. */
  recordsJudged(fact: RecordsJudged): void;
  /** One HTTP request, answered. `operation` is the route's id, never text of the caller. */
  requestAnswered(fact: RequestAnswered): void;
  /** One group of entries is durable: written and fdatasynced once, in `durationMs`. */
  groupCommitted(fact: GroupCommitted): void;
  /** Outputs left the core and are stored. */
  outputsReleased(fact: { readonly kind: OutputKind; readonly count: number }): void;
  snapshotWritten(fact: { readonly bytes: number; readonly durationMs: number }): void;
  /** An attempt to deliver an output has ended and is recorded. */
  attemptEnded(fact: AttemptEnded): void;
  /** A destination was disabled because its receiver is gone or keeps failing. */
  destinationDisabled(fact: { readonly reason: string }): void;
  /** Asked for at each scrape; replaces the one before. */
  observeDeliveries(read: () => DeliveryGauges): void;
  /** Asked for at each scrape; replaces the one before. */
  observe(gauges: () => EngineGauges): void;
  /** Prometheus text format, version 0.0.4. */
  render(): Promise<string>;
}

export type OutputKind = "metered-record" | "correction" | "threshold-event";

export interface AttemptEnded {
  readonly result: "delivered" | "refused" | "unanswered" | "impossible";
  readonly durationMs: number;
}

export interface DeliveryGauges {
  readonly pending: number;
  readonly failed: number;
  readonly inFlight: number;
  readonly disabledDestinations: number;
}

export interface RecordsJudged {
  readonly counted: number;
  readonly duplicates: number;
  readonly rejected: ReadonlyMap<RejectionReason, number>;
}

export interface RequestAnswered {
  readonly operation: string;
  readonly method: string;
  readonly status: number;
  readonly milliseconds: number;
}

export interface GroupCommitted {
  readonly entries: number;
  readonly durationMs: number;
}

/** A fresh registry with every metric of docs/operations.md. */
export function createTelemetry(): Telemetry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const usage = createUsageMetrics(registry);
  const journal = createJournalMetrics(registry);
  const requestTimes = new RequestTimes({
    name: `${prefix}http_request_seconds`,
    help: "HTTP requests by operation, method and status; the count is in _count.",
    buckets: durationBuckets,
  });
  const gauges = createGauges(registry);
  const deliveries = createDeliveryMetrics(registry);
  let source: (() => EngineGauges) | undefined;
  return {
    ...usage.metrics,
    ...journal,
    requestAnswered: (fact) => requestTimes.observe(fact),
    ...deliveries.metrics,
    observe(read): void {
      source = read;
    },
    async render(): Promise<string> {
      if (source !== undefined) gauges(source());
      deliveries.look();
      usage.look();
      return `${await registry.metrics()}\n${requestTimes.text()}`;
    },
  };
}

type UsageMetrics = Pick<Telemetry, "recordsJudged" | "outputsReleased">;

/** Told of every usage request, so it only adds up; `look` hands the sums to the registry. */
function createUsageMetrics(registry: Registry): {
  readonly metrics: UsageMetrics;
  readonly look: () => void;
} {
  const { count, countBy } = counters(registry);
  const requests = count("usage_requests_total", "Receive: usage requests taken.");
  const received = count("usage_records_received_total", "Receive: records in them.");
  const read = count("usage_records_read_total", "Read: records judged.");
  const guided = count("usage_records_guided_total", "Guide: records that found meters.");
  const judged = countBy("usage_records_judged_total", "Count: records by outcome.", "outcome");
  const refused = countBy("usage_records_rejected_total", "Rejected records by reason.", "reason");
  const released = countBy("outputs_released_total", "Release: outputs by kind.", "kind");
  const none = { requests: 0, counted: 0, duplicates: 0, rejected: 0 };
  let sums = { ...none };
  return {
    metrics: {
      recordsJudged(fact): void {
        sums.requests += 1;
        sums.counted += fact.counted;
        sums.duplicates += fact.duplicates;
        for (const [reason, times] of fact.rejected) {
          sums.rejected += times;
          refused.inc({ reason }, times);
        }
      },
      outputsReleased: (fact) => released.inc({ kind: fact.kind }, fact.count),
    },
    look(): void {
      if (sums.requests === 0) return;
      const records = sums.counted + sums.duplicates + sums.rejected;
      requests.inc(sums.requests);
      received.inc(records);
      read.inc(records);
      guided.inc(sums.counted);
      judged.inc({ outcome: "counted" }, sums.counted);
      judged.inc({ outcome: "duplicate" }, sums.duplicates);
      judged.inc({ outcome: "rejected" }, sums.rejected);
      sums = { ...none };
    },
  };
}

type DeliveryMetrics = Pick<
  Telemetry,
  "attemptEnded" | "destinationDisabled" | "observeDeliveries"
>;

/** `look` sets the gauges; before the service is open they stand at 0. */
function createDeliveryMetrics(registry: Registry): {
  readonly metrics: DeliveryMetrics;
  readonly look: () => void;
} {
  const { countBy } = counters(registry);
  const attempts = countBy("delivery_attempts_total", "Deliver: attempts by result.", "result");
  const duration = histogram(registry, {
    name: "delivery_attempt_seconds",
    help: "Deliver: from signing a message, or beginning a file, until the attempt has ended.",
    buckets: durationBuckets,
  });
  const disabledHelp = "Deliver: destinations disabled for their receiver's sake, by reason.";
  const disabled = countBy("destinations_disabled_total", disabledHelp, "reason");
  const pending = gauge(registry, "deliveries_pending", "Deliver: what waits for an attempt.");
  const failed = gauge(registry, "deliveries_failed", "Deliver: what has failed for good.");
  const inFlight = gauge(registry, "delivery_attempts_in_flight", "Deliver: attempts under way.");
  const closed = gauge(registry, "destinations_disabled", "Destinations that are disabled now.");
  let source: (() => DeliveryGauges) | undefined;
  return {
    metrics: {
      attemptEnded({ result, durationMs }): void {
        attempts.inc({ result });
        duration.observe(durationMs / 1_000);
      },
      destinationDisabled: ({ reason }) => disabled.inc({ reason }),
      observeDeliveries(read): void {
        source = read;
      },
    },
    look(): void {
      const values = source?.();
      if (values === undefined) return;
      pending.set(values.pending);
      failed.set(values.failed);
      inFlight.set(values.inFlight);
      closed.set(values.disabledDestinations);
    },
  };
}

type JournalMetrics = Pick<Telemetry, "groupCommitted" | "snapshotWritten">;

function createJournalMetrics(registry: Registry): JournalMetrics {
  const { count } = counters(registry);
  const entries = count("journal_entries_total", "Journal: entries made durable.");
  const size = histogram(registry, {
    name: "journal_group_entries",
    help: "Journal: entries of a group commit.",
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000],
  });
  const duration = histogram(registry, {
    name: "journal_group_seconds",
    help: "Journal: from handing a group to the disk thread until its fdatasync is done.",
    buckets: durationBuckets,
  });
  const snapshots = count("snapshots_written_total", "Snapshots written.");
  const snapshotBytes = gauge(registry, "snapshot_bytes", "Size of the last snapshot.");
  const snapshotTime = gauge(registry, "snapshot_seconds", "Time that the last snapshot took.");
  return {
    groupCommitted(fact): void {
      entries.inc(fact.entries);
      size.observe(fact.entries);
      duration.observe(fact.durationMs / 1_000);
    },
    snapshotWritten(fact): void {
      snapshots.inc();
      snapshotBytes.set(fact.bytes);
      snapshotTime.set(fact.durationMs / 1_000);
    },
  };
}

function createGauges(registry: Registry): (values: EngineGauges) => void {
  const add = (name: string, help: string): Gauge => gauge(registry, name, help);
  const commands = add("queue_commands", "Requests that wait for the journal.");
  const queued = add("queue_bytes", "Bytes that wait for the journal.");
  const due = add("due_meters", "Meters whose period has ended and is not yet flushed.");
  const age = add("oldest_due_seconds", "Age of the oldest such period end.");
  const meters = add("meters", "Meters there are.");
  const written = counters(registry).count(
    "journal_bytes_written_total",
    "Journal: bytes made durable.",
  );
  const journal = add("journal_bytes", "Bytes of the journal's segment files.");
  const seq = add("journal_last_seq", "Sequence number of the last applied entry.");
  const actions = add("correction_actions", "Unfinished actions on data correction.");
  const failures = add("snapshot_failures", "Snapshots in a row that could not be written.");
  const replay = add("replay_bytes", "Journal since the last snapshot: what a start replays.");
  const ids = add("ids_in_memory", "Known record ids in memory.");
  const runs = add("id_runs", "Files that hold older record ids.");
  const totals = new Gauge({
    name: `${prefix}conservation_records`,
    help: "Records since the data directory began, by what became of them; see the conservation law.",
    labelNames: ["part"] as const,
    registers: [registry],
  });
  return (values) => {
    for (const [part, records] of Object.entries(values.totals)) totals.set({ part }, records);
    commands.set(values.queuedCommands);
    queued.set(values.queuedBytes);
    due.set(values.dueMeters);
    age.set(values.oldestDueAgeMs / 1_000);
    meters.set(values.meters);
    written.reset();
    written.inc(values.journalBytesWritten);
    journal.set(values.journalBytes);
    seq.set(values.lastSeq);
    actions.set(values.correctionActions);
    failures.set(values.snapshotFailures);
    replay.set(values.replayBytes);
    ids.set(values.idsInMemory);
    runs.set(values.idRuns);
  };
}

const prefix = "meterhouse_";

/** Seconds, from a fast sync to the time-out of a request. */
const durationBuckets = [
  0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

interface Counters {
  count(name: string, help: string): Counter;
  countBy<Label extends string>(name: string, help: string, label: Label): Counter<Label>;
}

function counters(registry: Registry): Counters {
  const registers = [registry];
  return {
    count: (name, help) => new Counter({ name: prefix + name, help, registers }),
    countBy: (name, help, label) =>
      new Counter({ name: prefix + name, help, labelNames: [label], registers }),
  };
}

function gauge(registry: Registry, name: string, help: string): Gauge {
  return new Gauge({ name: prefix + name, help, registers: [registry] });
}

function histogram(
  registry: Registry,
  options: { readonly name: string; readonly help: string; readonly buckets: number[] },
): Histogram {
  return new Histogram({ ...options, name: prefix + options.name, registers: [registry] });
}
