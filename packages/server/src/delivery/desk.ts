// What the routes may ask of the delivery service: the list of deliveries, test messages, resends.
// Answers of the moment only; the loop of the service does the sending.
import type { Destination } from "../core/destination.ts";
import type { Clock, EpochMs, Random } from "../core/ports.ts";
import { fail, notFound, ok, type Problem, type Result } from "../core/problem.ts";
import type { Attempts } from "./attempts.ts";
import type { DeliveryStore } from "./delivery-store.ts";
import type { Feeder } from "./feeder.ts";
import type { Lane } from "./lane.ts";
import type { Lanes } from "./lanes.ts";
import { filterOf } from "./output-filter.ts";
import type { Delivery, DeliveryDesk, DeliveryLog, DeliveryQuery, OutputReader } from "./ports.ts";
import { isAfter } from "./prepared.ts";
import type { EndedAttempt } from "./webhook-attempt.ts";

/** Test messages under way at a time, of all destinations. */
const testsMax = 32;

const testRunning: Problem = {
  kind: "too-many-requests",
  code: "test-running",
  detail: "A test message is under way already; ask again when it has been answered.",
};

const notResendable: Problem = {
  kind: "conflict",
  code: "not-resendable",
  detail: "A test message is not sent again; ask for a new one.",
};

const destinationDisabled: Problem = {
  kind: "conflict",
  code: "destination-disabled",
  detail: "The destination is disabled, so nothing is sent to it. Enable it first.",
};

const resendRunning: Problem = {
  kind: "conflict",
  code: "resend-running",
  detail: "An earlier resend of a time range still runs; ask again when it has ended.",
};

const stopping: Problem = {
  kind: "unavailable",
  code: "stopping",
  detail: "The server is stopping; nothing was sent. Retry when it is back.",
};

const storeFull: Problem = {
  kind: "unavailable",
  code: "store-full",
  detail: "Deliveries cannot be written down now; nothing was changed. Retry when there is room.",
};

export interface DeskParts {
  readonly store: DeliveryStore;
  readonly lanes: Lanes;
  readonly attempts: Attempts;
  readonly feeder: Feeder;
  readonly outputs: OutputReader;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: DeliveryLog;
  /** A delivery became due. */
  readonly onDue: () => void;
}

export class Desk implements DeliveryDesk {
  readonly #parts: DeskParts;
  readonly #tests = new Map<AbortController, Promise<void>>();
  #isStopped = false;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /** Takes nothing more; resolves when the tests under way have ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#tests.values());
  }

  /** Ends the tests under way. */
  cancel(): void {
    for (const cancel of this.#tests.keys()) cancel.abort();
  }

  list(
    destination: Destination,
    query: DeliveryQuery,
  ): { readonly items: readonly Delivery[]; readonly total: number } {
    const { lanes, store } = this.#parts;
    const lane = this.#isStopped ? undefined : lanes.find(destination);
    if (lane === undefined) return { items: [], total: 0 };
    const counts = store.lanes.counts(lane.no);
    const all = counts.pending + counts.delivered + counts.failed;
    const total = query.state === undefined ? all : counts[query.state];
    return { items: store.list.page(lane.no, query), total };
  }

  async test(destination: Destination): Promise<Result<Delivery>> {
    if (this.#isStopped) return fail(stopping);
    const lane = this.#parts.lanes.find(destination);
    if (lane === undefined) return fail(notFound("destination"));
    if (lane.isBeingTested || this.#tests.size >= testsMax) return fail(testRunning);
    lane.isBeingTested = true;
    const cancel = new AbortController();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tests.set(cancel, promise);
    try {
      const id = `msg_test_${this.#parts.random.uuid()}`;
      const ended = await this.#parts.attempts.test(destination, id, cancel);
      if (ended === null) return fail(stopping);
      if (lane.isRemoved) return fail(notFound("destination"));
      return this.#written(() => this.#logTest(lane, id, ended));
    } finally {
      lane.isBeingTested = false;
      this.#tests.delete(cancel);
      resolve();
    }
  }

  resend(destination: Destination, id: string, by: string): Result<Delivery> {
    return this.#written(() => this.#resend(destination, id, by));
  }

  resendRange(
    destination: Destination,
    range: { readonly from: EpochMs; readonly to: EpochMs },
    by: string,
  ): Result<{ readonly matched: number }> {
    return this.#written(() => this.#resendRange(destination, range, by));
  }

  /** What the file cannot take is a problem for the caller, who may ask again. */
  #written<T>(work: () => Result<T>): Result<T> {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof Error && "errcode" in error)) throw error;
      this.#parts.log.error({ err: error }, "deliveries not stored");
      return fail(storeFull);
    }
  }

  #resend(destination: Destination, id: string, by: string): Result<Delivery> {
    const { store, clock, log } = this.#parts;
    const found = this.#laneToSend(destination);
    if (!found.ok) return found;
    const lane = found.value;
    const row = store.rows.find(lane.no, id);
    if (row === undefined) return fail(notFound("delivery"));
    if (row.kind === "test") return fail(notResendable);
    store.rows.resend(row.no, clock.now());
    lane.forgetReady();
    if (lane.inFlight.has(row.no)) lane.resent.add(row.no);
    log.info({ destinationId: destination.id, deliveryId: id, by }, "delivery resent");
    this.#parts.onDue();
    return this.#shown(lane, id);
  }

  #resendRange(
    destination: Destination,
    { from, to }: { readonly from: EpochMs; readonly to: EpochMs },
    by: string,
  ): Result<{ readonly matched: number }> {
    const { store, outputs, clock, log, feeder } = this.#parts;
    const found = this.#laneToSend(destination);
    if (!found.ok) return found;
    const lane = found.value;
    if (feeder.isResending(lane)) return fail(resendRunning);
    const begin = outputs.positionBefore(from);
    const created = { ...begin, seq: destination.createdSeq, index: Number.MAX_SAFE_INTEGER };
    const after = isAfter(created, begin) ? created : begin;
    const range = { after, upTo: outputs.positionBefore(to) };
    const now = clock.now();
    const isAny = isAfter(range.upTo, after);
    const matched = lane.isFile
      ? this.#resendFiles(lane, now, range)
      : isAny
        ? outputs.count(filterOf(destination), range)
        : 0;
    const resend = store.resends.add({ lane: lane.no, by, now, from, to, ...range, matched });
    if (lane.isFile || matched === 0) store.resends.end(resend.no, now);
    else feeder.beginResend(resend);
    this.#parts.onDue();
    log.info({ destinationId: destination.id, from, to, matched, by }, "deliveries resent");
    return ok({ matched });
  }

  #resendFiles(
    lane: Lane,
    now: EpochMs,
    range: Parameters<DeliveryStore["rows"]["resendFiles"]>[2],
  ): number {
    const { store } = this.#parts;
    let records = 0;
    store.transaction(() => {
      records = store.rows.resendFiles(lane.no, now, range);
    });
    lane.forgetReady();
    return records;
  }

  #laneToSend(destination: Destination): Result<Lane> {
    if (this.#isStopped) return fail(stopping);
    const lane = this.#parts.lanes.find(destination);
    if (lane === undefined) return fail(notFound("destination"));
    return lane.destination.enabled ? ok(lane) : fail(destinationDisabled);
  }

  /** A test becomes a delivery when it has ended, so that a killed process leaves none behind. */
  #logTest(lane: Lane, messageId: string, ended: EndedAttempt): Result<Delivery> {
    const { store } = this.#parts;
    const position = { partition: 0, seq: 0, index: 0 };
    const now = ended.attempt.at;
    store.transaction(() => {
      const no = store.rows.add({ lane: lane.no, messageId, kind: "test", position, now });
      if (no === null) return;
      store.rows.addAttempt(no, 1, ended.attempt);
      store.rows.finish(no, ended.isSuccess ? "delivered" : "failed", ended.endedAt);
    });
    return this.#shown(lane, messageId);
  }

  #shown(lane: Lane, messageId: string): Result<Delivery> {
    const shown = this.#parts.store.list.find(lane.no, messageId);
    return shown === undefined ? fail(notFound("delivery")) : ok(shown);
  }
}
