// Random callers of an engine world: definitions that come, change and go, usage with duplicates
// and faults, clocks that are set, stops, kills, power cuts and failing disks. What they were told
// goes into a history; all of it follows from the world's seed.

import { formatDecimal } from "../../src/core/decimal.ts";
import type { ResetSchedule } from "../../src/core/definitions.ts";
import { meterDocument } from "../../src/core/meter-document.ts";
import type { UsageOutcome } from "../../src/core/outcome.ts";
import type { Result } from "../../src/core/problem.ts";
import { DiskError } from "../../src/journal/disk.ts";
import { accountId, EngineWorld, meterKey } from "./engine-world.ts";
import {
  type Attempt,
  LoadHistory,
  type ObservedMeter,
  type ObservedPeriod,
  type SentRecord,
} from "./load-history.ts";
import { type FaultKind, SimulatedCrash } from "./simulated-disk.ts";

const hourMs = 3_600_000;
const base: ResetSchedule = { minute: "0", hour: "*", day: "*", month: "*", weekday: "*" };
const schedules: readonly ResetSchedule[] = [
  base,
  { ...base, hour: "*/6" },
  { ...base, hour: "0" },
  { ...base, hour: "0", weekday: "1" },
];
const timezones = ["Etc/UTC", "Europe/Stockholm", "Asia/Kathmandu"];
const users = ["u0", "u1", "u2", "u3"];
const typesMax = 5;

export class SimulatedCallers {
  readonly world: EngineWorld;
  readonly history: LoadHistory = new LoadHistory();
  /** What happened, for the message of a failed run. */
  readonly crashes = { kills: 0, powerCuts: 0, stops: 0 };
  readonly #mayBeDeleted = new Set<string>();
  /** Requests that wait for an answer of the engine that runs now. */
  readonly #waiting = new Set<Attempt>();
  #made = 0;

  constructor(world: EngineWorld) {
    this.world = world;
  }

  /** An engine with an account whose rule groups by record id. */
  static async open(seed: number): Promise<SimulatedCallers> {
    const snapshotEveryBytes = seed % 2 === 0 ? 10_000 : 100_000;
    const settings = { snapshotEveryBytes, journalKeepMs: 400 * 24 * hourMs };
    const world = await EngineWorld.open({ seed, settings, segmentBytesMax: 20_000 });
    const callers = new SimulatedCallers(world);
    const processor = world.state.accounts.get(accountId)?.processors.get(meterKey);
    const rules = processor?.fields.guidingRules ?? [];
    const guidingRules = rules.map((rule) => ({ ...rule, groupBy: [{ fields: ["id"] }] }));
    await world.patchProcessor({ guidingRules });
    for (let index = 0; index < 3; index += 1) callers.define();
    await world.settle();
    return callers;
  }

  /** Something that one caller or the world does; answers may be waited for later. */
  act(): void {
    const { random } = this.world;
    const draw = random.fraction();
    if (draw < 0.6) this.#send(this.#newRequest());
    else if (draw < 0.7) this.#sendAgain();
    else if (draw < 0.9) this.define();
    else this.#setClock();
  }

  /** A crash, a stop or a fault to come, or nothing. */
  async trouble(): Promise<void> {
    const { world } = this;
    const { random } = world;
    const draw = random.fraction();
    if (draw < 0.05) await this.#stop();
    else if (draw < 0.08) await this.#crash(false);
    else if (draw < 0.11) await this.#crash(true);
    else if (draw < 0.2) {
      const kinds: readonly FaultKind[] = ["crash", "crash", "ENOSPC", "sync-failure", "EIO"];
      const kind = random.pick(kinds);
      world.disk.plan({ at: random.integer(0, 12), kind, forever: random.chance(0.5) });
    } else if (draw < 0.3) world.disk.plan(null);
  }

  /** Lets the engine work; while its disk is full there is no end of trying. */
  async rest(): Promise<void> {
    await this.world.settle(300).catch(() => undefined);
  }

  /** Opens the engine again when it has stopped for good. */
  async recoverIfFailed(): Promise<void> {
    const { failure, disk } = this.world;
    const isOfDisk = failure instanceof SimulatedCrash || failure instanceof DiskError;
    if (failure !== null && !isOfDisk) throw failure;
    if (failure !== null || disk.isGone) await this.#crash(this.world.random.chance(0.5));
  }

  /** Sends what had no answer once more and waits for everything. */
  async finish(): Promise<void> {
    const { world } = this;
    await this.recoverIfFailed();
    world.disk.plan(null);
    await world.settle();
    await this.recoverIfFailed();
    for (const records of this.history.unanswered) this.#send(records);
    await world.settle();
  }

  observe(): readonly ObservedMeter[] {
    const { state, memory } = this.world;
    const flushed = Map.groupBy(memory.records(), ({ meterId }) => meterId);
    const ids = new Set([...flushed.keys(), ...state.meters.keys(), ...this.#mayBeDeleted]);
    return [...ids].map((id): ObservedMeter => {
      const past = flushed.get(id) ?? [];
      const meter = state.meters.get(id);
      const periods = past.map(({ json }) => JSON.parse(json) as ObservedPeriod);
      if (meter !== undefined) {
        const { value } = meter.counter;
        periods.push({ ...meterDocument(meter), valueExact: formatDecimal(value ?? 0n) });
      }
      const createdAt = periods[0]?.periodStart ?? "";
      return { id, createdAt, periods, isWhole: !this.#mayBeDeleted.has(id) };
    });
  }

  /** Makes, changes or deletes a meter type or a meter. */
  define(): void {
    const { random, state } = this.world;
    const types = [...state.meterTypes.values()];
    const meters = [...state.meters.values()];
    const draw = random.fraction();
    if (types.length === 0 || (draw < 0.2 && types.length < typesMax)) this.#createType();
    else if (draw < 0.6) this.#createMeter(random.pick(types).id);
    else if (draw < 0.8) this.#patchType(random.pick(types).id);
    else if (meters.length === 0) return;
    else if (draw < 0.95) {
      const patch = { deleteOnReset: random.chance(0.3) };
      this.#execute({ kind: "patch-meter", accountId, id: random.pick(meters).id, patch });
    } else {
      const { id } = random.pick(meters);
      this.#mayBeDeleted.add(id);
      this.#execute({ kind: "delete-meter", accountId, id });
    }
  }

  #createType(): void {
    const { random } = this.world;
    const [resetSchedule, timezone] = [random.pick(schedules), random.pick(timezones)];
    // Refused names and a store that fails are both as good as no call.
    void this.world.meterType({ resetSchedule, timezone }).catch(() => undefined);
  }

  #createMeter(typeId: string): void {
    const { random } = this.world;
    this.#made += 1;
    const id = `meter-${String(this.#made).padStart(5, "0")}`;
    const fields = {
      userId: random.pick(users),
      meterKey,
      meterType: { id: typeId },
      customFields: {},
    };
    this.#execute({ kind: "create-meters", accountId, meters: [{ id, fields }] });
  }

  #patchType(id: string): void {
    const { random } = this.world;
    const patch = random.pick([
      { resetSchedule: random.pick(schedules) },
      { timezone: random.pick(timezones) },
      { resetSchedule: random.pick(schedules), timezone: random.pick(timezones) },
      { description: `changed ${random.integer(0, 9)}` },
    ]);
    this.#execute({ kind: "patch-meter-type", accountId, id, patch });
  }

  #execute(command: Parameters<EngineWorld["execute"]>[0]): void {
    void this.world.execute(command);
  }

  #newRequest(): readonly SentRecord[] {
    const { random } = this.world;
    const userId = random.chance(0.05) ? "nobody" : random.pick(users);
    return Array.from({ length: random.integer(1, 4) }, () => {
      this.#made += 1;
      return { id: `r${this.#made}`, userId, value: random.integer(1, 1_000_000) };
    });
  }

  #sendAgain(): void {
    const { random } = this.world;
    const { unanswered, acknowledged } = this.history;
    if (unanswered.length > 0 && random.chance(0.7)) this.#send(random.pick(unanswered));
    else if (acknowledged.length > 0) this.#send([random.pick(acknowledged)]);
  }

  #send(records: readonly SentRecord[]): void {
    const attempt = this.history.invoke(records);
    const parts = records.map(({ id, userId, value }) => ({ id, userId, value }));
    this.#waiting.add(attempt);
    void this.world.usage(parts).then((result) => {
      if (this.#waiting.delete(attempt)) tell(attempt, result);
    });
  }

  #setClock(): void {
    const { clock, random } = this.world;
    const by = random.pick([1_000, 60_000, hourMs, 12 * hourMs, 40 * hourMs]);
    clock.set(clock.now() + random.integer(random.chance(0.2) ? -by : 0, by));
    this.world.engine.wake();
  }

  async #stop(): Promise<void> {
    const { world } = this;
    world.disk.plan(null);
    this.crashes.stops += 1;
    await world.stop();
    // The disk may have gone while a snapshot was written, which nobody noticed.
    if (world.disk.isGone) world.kill();
    if (world.random.chance(0.2)) this.#leapWhileStopped();
    await world.started();
  }

  async #crash(isPowerCut: boolean): Promise<void> {
    const { world } = this;
    // Whatever that engine still says, nobody hears it.
    for (const attempt of this.#waiting) attempt.lost();
    this.#waiting.clear();
    if (isPowerCut) world.powerCut();
    else world.kill();
    this.crashes[isPowerCut ? "powerCuts" : "kills"] += 1;
    if (world.random.chance(0.3)) this.#leapWhileStopped();
    if (world.random.chance(0.3)) await this.#crashWhileRecovering();
    await world.started();
  }

  async #crashWhileRecovering(): Promise<void> {
    const { world } = this;
    world.disk.plan({ at: world.random.integer(0, 15), kind: "crash" });
    const started = await world.start().catch(() => null);
    if (world.random.chance(0.5)) world.powerCut();
    else world.kill();
    world.disk.plan(null);
    if (started === null) await world.turn();
  }

  #leapWhileStopped(): void {
    const { clock, random } = this.world;
    clock.set(clock.now() + random.integer(0, 72 * hourMs));
  }
}

function tell(attempt: Attempt, result: Result<UsageOutcome>): void {
  if (result.ok) {
    attempt.answered(
      result.value.results.map((each) => ({
        outcome: each.outcome,
        meters: each.outcome === "counted" ? each.meters.map(({ id }) => id) : [],
      })),
    );
  } else if (/^store-(?:failed|late)$/.test(result.error.code)) attempt.lost();
  else attempt.refused();
}
