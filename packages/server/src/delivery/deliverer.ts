// The delivery service: one loop that keeps in step with the definitions, writes down what attempts
// came to, makes deliveries of new outputs, and starts attempts as turns and bounds allow; then it
// sleeps until something is due. Never holds more than a bounded number of deliveries in memory,
// and never starts an attempt whose delivery is not durable.
import type { DatabaseSync } from "node:sqlite";
import type { EpochMs } from "../core/ports.ts";
import { assert } from "../core/problem.ts";
import { dayMs } from "../core/time.ts";
import { Attempts } from "./attempts.ts";
import { DeliveryStore } from "./delivery-store.ts";
import { Desk } from "./desk.ts";
import { Feeder, pendingMax } from "./feeder.ts";
import type { Lane } from "./lane.ts";
import type { Slot } from "./lane-rotation.ts";
import { Lanes } from "./lanes.ts";
import type { DeliveryDesk, DeliveryGauges, DeliveryWorld, FailureReason } from "./ports.ts";
import { type Ended, record } from "./recorder.ts";
import { attemptMs } from "./webhook-attempt.ts";
import type { WebhookSender } from "./webhook-sender.ts";

export interface DelivererSettings {
  readonly exportDirectory: string;
  readonly retentionDays: number;
  /** Of one attempt, instead of 15 s. */
  readonly timeoutMs?: number;
  /** Of one destination, instead of a million. */
  readonly pendingMax?: number;
  /** How often new outputs are looked for although nobody told of any; else each second. */
  readonly lookEveryMs?: number;
}

const nothing = { pending: 0, failed: 0 };
const pruneEveryMs = 3_600_000;
const pruneMax = 500;
/** After the file could not be written. */
const faultPauseMs = 5_000;
/** How long a stop waits for attempts under way. */
const stopMs = 5_000;

export class Deliverer {
  readonly #world: DeliveryWorld & { readonly sender: WebhookSender };
  readonly #settings: DelivererSettings;
  readonly #store: DeliveryStore;
  readonly #lanes: Lanes;
  readonly #attempts: Attempts;
  readonly #feeder: Feeder;
  readonly #desk: Desk;
  readonly #stopping = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #sleep = new AbortController();
  #isNudged = false;
  #running: Promise<void> = Promise.resolve();
  #ended: Ended[] = [];
  #pruneAt: EpochMs = 0;
  #isClosed = false;

  constructor(
    database: DatabaseSync,
    world: DeliveryWorld & { readonly sender: WebhookSender },
    settings: DelivererSettings,
  ) {
    const { exportDirectory, timeoutMs = attemptMs } = settings;
    const store = new DeliveryStore(database);
    const lanes = new Lanes({ ...world, store });
    const attempts = new Attempts({ ...world, store, exportDirectory, timeoutMs });
    const most = settings.pendingMax ?? pendingMax;
    const feeder = new Feeder({ store, outputs: world.outputs, lanes, pendingMax: most });
    const onDue = (): void => this.nudge();
    this.#world = world;
    this.#settings = settings;
    this.#store = store;
    this.#lanes = lanes;
    this.#attempts = attempts;
    this.#feeder = feeder;
    this.#desk = new Desk({ ...world, store, lanes, attempts, feeder, onDue });
    world.telemetry.observeDeliveries(() => this.#gauges());
  }

  get desk(): DeliveryDesk {
    return this.#desk;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** To be told after every group of entries, most of which bring nothing to deliver. */
  tellOfNews(): void {
    if (this.#lanes.isStale || this.#feeder.isStale) this.nudge();
  }

  /** Has the loop look at everything now. */
  nudge(): void {
    this.#isNudged = true;
    this.#sleep.abort("nudged");
  }

  /** Waits a moment for attempts under way, then ends them; they stay pending. */
  async stop(): Promise<void> {
    const { clock, sender } = this.#world;
    this.#stopping.abort();
    this.nudge();
    await this.#running;
    const rest = new AbortController();
    const ended = Promise.all([...this.#underWay, this.#desk.stop()]).then(() => rest.abort());
    await clock.sleepUntil(clock.now() + stopMs, rest.signal);
    this.#desk.cancel();
    for (const lane of this.#lanes.all()) {
      for (const cancel of lane.inFlight.values()) cancel.abort();
    }
    await ended;
    this.#guarded(() => this.#record());
    sender.close();
    this.#isClosed = true;
    this.#store.close();
  }

  async #run(): Promise<void> {
    const { clock } = this.#world;
    while (!this.#stopping.signal.aborted) {
      this.#isNudged = false;
      let until: EpochMs = clock.now() + faultPauseMs;
      const isDone = this.#guarded(() => {
        const isMore = this.#look(clock.now());
        until = isMore ? Number.NEGATIVE_INFINITY : this.#nextLookAt(clock.now());
      });
      // One turn of the event loop at least: requests go first.
      await new Promise((resolve) => setImmediate(resolve));
      if (isDone && this.#isNudged) continue;
      // After a fault only the stop wakes it, so that nudges do not make it try again and again.
      const sleep = isDone ? new AbortController() : this.#stopping;
      if (isDone) this.#sleep = sleep;
      await clock.sleepUntil(until, sleep.signal);
    }
  }

  /** False: the file could not be read or written; nothing is lost, and it is tried again. */
  #guarded(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      this.#world.log.error({ err: error }, "deliveries not stored");
      return false;
    }
  }

  /** True: there is more to do at once. */
  #look(now: EpochMs): boolean {
    this.#lanes.sync();
    this.#record();
    const isTidied = this.#lanes.tidy(now);
    const isFed = this.#feeder.feed(now);
    const isPruned = this.#prune(now);
    this.#dispatch(now);
    return isTidied || isFed || isPruned;
  }

  #record(): void {
    if (this.#ended.length === 0) return;
    const failing = record(this.#ended, { ...this.#world, store: this.#store });
    for (const { slot, row } of this.#ended) {
      slot.lane.inFlight.delete(row.no);
      slot.lane.resent.delete(row.no);
      this.#lanes.rotation.free(slot);
    }
    this.#ended = [];
    for (const [lane, reason] of failing) this.#disable(lane, reason);
  }

  #disable(lane: Lane, reason: FailureReason): void {
    if (lane.isBeingDisabled || lane.isRemoved || !lane.destination.enabled) return;
    lane.isBeingDisabled = true;
    const { destination } = lane;
    const disabling = this.#world.disable(destination, reason).catch((error: unknown) => {
      const destinationId = destination.id;
      this.#world.log.warn({ err: error, destinationId, reason }, "destination not disabled");
    });
    void disabling.then(() => {
      lane.isBeingDisabled = false;
      this.nudge();
    });
  }

  #prune(now: EpochMs): boolean {
    if (now < this.#pruneAt) return false;
    const before = now - this.#settings.retentionDays * dayMs;
    let isMore = false;
    this.#store.transaction(() => {
      isMore = this.#store.rows.prune(before, pruneMax);
    });
    if (!isMore) this.#pruneAt = now + pruneEveryMs;
    return isMore;
  }

  #dispatch(now: EpochMs): void {
    const { rotation } = this.#lanes;
    const hasDue = (lane: Lane): boolean => lane.hasDue(this.#store.rows, now);
    // Bounded by the number of slots.
    for (let slot = rotation.next(hasDue); slot !== undefined; slot = rotation.next(hasDue)) {
      this.#start(slot);
    }
  }

  #start(slot: Slot): void {
    const { lane } = slot;
    const row = lane.take();
    assert(row !== undefined, "a lane that is next has something due");
    const cancel = new AbortController();
    lane.inFlight.set(row.no, cancel);
    const attempt = this.#attempts.make(lane.destination, row, cancel).then((outcome) => {
      this.#ended.push({ slot, row, outcome });
      this.#underWay.delete(attempt);
      this.nudge();
    });
    this.#underWay.add(attempt);
  }

  #nextLookAt(now: EpochMs): EpochMs {
    let next = Math.min(now + (this.#settings.lookEveryMs ?? 1_000), this.#pruneAt);
    for (const lane of this.#lanes.all()) {
      if (!lane.isOpen) continue;
      // What is due already waits for a slot, whose end is told.
      if (lane.dueAt > now) next = Math.min(next, lane.dueAt);
      if (lane.gathering !== null) next = Math.min(next, lane.gathering.dueAt);
    }
    return next;
  }

  #gauges(): DeliveryGauges {
    const isClosed = this.#isClosed;
    const { pending, failed } = isClosed ? nothing : this.#store.lanes.totals();
    const inFlight = this.#lanes.rotation.attempts;
    return { pending, failed, inFlight, disabledDestinations: this.#lanes.disabledCount };
  }
}
