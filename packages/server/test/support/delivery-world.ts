// The delivery service in a world of its own: virtual clock, outputs in memory, receivers that a
// test describes as a function, deliveries.db in a temporary directory. Destinations are changed by
// the test, as entries of the journal would change them.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Destination } from "../../src/core/destination.ts";
import { type Position, positionText } from "../../src/core/output.ts";
import type { Clock, EpochMs } from "../../src/core/ports.ts";
import { ok } from "../../src/core/problem.ts";
import { formatInstant } from "../../src/core/time.ts";
import { Deliverer, type DelivererSettings } from "../../src/delivery/deliverer.ts";
import { openDeliveriesFile } from "../../src/delivery/delivery-tables.ts";
import type {
  DeliveredKind,
  DeliveryDesk,
  DeliveryGauges,
  OutputFilter,
  OutputName,
  OutputReader,
  DeliveryWorld as Parts,
} from "../../src/delivery/ports.ts";
import { isAfter } from "../../src/delivery/prepared.ts";
import type {
  WebhookAnswer,
  WebhookRequest,
  WebhookSender,
} from "../../src/delivery/webhook-sender.ts";
import { createSeededRandom } from "./seeded-random.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** `whsec_` secret of the known-answer vectors. */
export const knownSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/** What a receiver does with a message; it may sleep on the world's clock. */
export type Receiver = (request: WebhookRequest, signal: AbortSignal) => Promise<WebhookAnswer>;

export function answered(status: number, retryAfter: string | null = null): WebhookAnswer {
  return { kind: "answered", status, retryAfter, text: null };
}

interface StoredOutput extends OutputName {
  readonly accountId: string;
  readonly emittedAt: EpochMs;
  readonly json: string;
}

/** Outputs in memory, in the order of their positions. */
class ListedOutputs implements OutputReader {
  readonly list: StoredOutput[] = [];
  readonly #byPosition = new Map<string, StoredOutput>();
  /** By account, and by account and key. */
  readonly #lists = new Map<string, StoredOutput[]>();
  #seq: number;

  constructor(firstSeq: number) {
    this.#seq = firstSeq;
  }

  add(output: {
    readonly accountId: string;
    readonly now: EpochMs;
    readonly kind?: DeliveredKind;
    readonly meterKey?: string;
  }): Position {
    const { accountId, now: emittedAt, kind = "metered-record", meterKey = "Default" } = output;
    const position = { partition: 0, seq: this.#seq++, index: 0 };
    const recordId = positionText(position);
    const json = `{"recordId":"${recordId}","emittedAt":"${formatInstant(emittedAt)}","value":9007199254740993.5}`;
    const stored = { kind, position, meterKey, accountId, emittedAt, json };
    this.list.push(stored);
    this.#byPosition.set(recordId, stored);
    for (const name of [accountId, `${accountId} ${meterKey}`]) {
      const list = this.#lists.get(name);
      if (list === undefined) this.#lists.set(name, [stored]);
      else list.push(stored);
    }
    return position;
  }

  newest(): Position {
    return this.list.at(-1)?.position ?? { partition: 0, seq: 0, index: 0 };
  }

  after(
    filter: OutputFilter,
    { after, limit }: { readonly after: Position; readonly limit: number },
  ): { readonly outputs: readonly OutputName[]; readonly scannedTo: Position } {
    // As the real one does: outputs of one key are found without a look at those of others.
    const [key, ...others] = filter.meterKeys;
    const isOne = key !== undefined && others.length === 0;
    const list = this.#lists.get(isOne ? `${filter.accountId} ${key}` : filter.accountId) ?? [];
    const from = indexAfter(list, after);
    const seen = list.slice(from, from + limit);
    const scannedTo = seen.at(-1)?.position ?? after;
    return { outputs: seen.filter((output) => fits(output, filter)), scannedTo };
  }

  find(_kind: DeliveredKind, position: Position): string | undefined {
    return this.#byPosition.get(positionText(position))?.json;
  }

  positionBefore(instant: EpochMs): Position {
    const before = this.list.filter((output) => output.emittedAt < instant).at(-1);
    return before?.position ?? { partition: 0, seq: 0, index: 0 };
  }

  count(
    filter: OutputFilter,
    { after, upTo }: { readonly after: Position; readonly upTo: Position },
  ): number {
    return this.list.filter(
      (output) =>
        fits(output, filter) &&
        isAfter(output.position, after) &&
        !isAfter(output.position, upTo) &&
        output.accountId === filter.accountId,
    ).length;
  }
}

function indexAfter(list: readonly StoredOutput[], position: Position): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const found = list[middle];
    if (found !== undefined && !isAfter(found.position, position)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function fits({ kind, meterKey }: OutputName, { kinds, meterKeys }: OutputFilter): boolean {
  return kinds.includes(kind) && (meterKeys.length === 0 || meterKeys.includes(meterKey));
}

export interface DeliveryWorldOptions {
  readonly receive?: Receiver;
  readonly sender?: WebhookSender;
  readonly clock?: Clock;
  readonly settings?: Partial<DelivererSettings>;
  /** One that is there already, and stays; else a temporary one. */
  readonly directory?: string;
  readonly seed?: number;
}

/** Worlds whose directories are to be removed; call `endWorlds` after each test. */
const worlds: DeliveryWorld[] = [];

export async function endWorlds(): Promise<void> {
  for (const world of worlds.splice(0)) await world.end();
}

export class DeliveryWorld {
  readonly directory: string;
  readonly exportDirectory: string;
  readonly virtual: VirtualClock = new VirtualClock();
  readonly clock: Clock;
  /** Grows whenever somebody looks at the clock: while it does, work is being done. */
  #looks = 0;
  readonly outputs: ListedOutputs = new ListedOutputs(100);
  readonly destinations: Map<string, Destination> = new Map();
  readonly disabled: string[] = [];
  readonly logged: { readonly level: string; readonly fields: object; readonly text: string }[] =
    [];
  readonly results: string[] = [];
  readonly random = createSeededRandom(7);
  gauges: () => DeliveryGauges = () => ({
    pending: 0,
    failed: 0,
    inFlight: 0,
    disabledDestinations: 0,
  });
  /** Makes disabling fail, as a stopping engine would. */
  isDisablingBroken = false;
  receive: Receiver;
  #changes = 1;
  #seq = 10;
  #service: Deliverer | null = null;
  readonly #options: DeliveryWorldOptions;

  constructor(options: DeliveryWorldOptions = {}) {
    this.#options = options;
    this.directory = options.directory ?? mkdtempSync(join(tmpdir(), "meterhouse-delivery-"));
    this.exportDirectory = join(this.directory, "exports");
    this.clock = options.clock ?? this.#watched(this.virtual);
    this.receive = options.receive ?? (async () => answered(200));
    if (options.directory === undefined) worlds.push(this);
  }

  get desk(): DeliveryDesk {
    return this.#running().desk;
  }

  get service(): Deliverer {
    return this.#running();
  }

  /** Opens the service over the directory, whether or not it was there before. */
  start(): void {
    const opened = openDeliveriesFile(join(this.directory, "deliveries.db"));
    if (!opened.ok) throw new Error(opened.error);
    const settings = { exportDirectory: this.exportDirectory, retentionDays: 30 };
    const sender = this.#options.sender ?? {
      send: (request: WebhookRequest, signal: AbortSignal) => this.receive(request, signal),
      close: () => undefined,
    };
    this.#service = new Deliverer(
      opened.value,
      { ...this.parts(), sender },
      { ...settings, lookEveryMs: 3_600_000, ...this.#options.settings },
    );
    this.#service.start();
  }

  /** What the service is made of, but for its file and its sender. */
  parts(): Parts {
    const log =
      (level: string) =>
      (fields: object, text: string): void => {
        this.logged.push({ level, fields, text });
      };
    return {
      destinations: this.#source(),
      outputs: this.outputs,
      disable: (destination, reason) => this.#disable(destination, reason),
      unseal: (sealed) => ok(sealed),
      csv: { "metered-record": csv, "threshold-event": csv },
      clock: this.clock,
      random: this.random,
      log: { info: log("info"), warn: log("warn"), error: log("error") },
      telemetry: {
        attemptEnded: ({ result }) => this.results.push(result),
        destinationDisabled: ({ reason }) => this.results.push(reason),
        observeDeliveries: (read) => {
          this.gauges = read;
        },
      },
    };
  }

  async stop(): Promise<void> {
    const service = this.#service;
    this.#service = null;
    if (service === null) return;
    let isStopped = false;
    const stopped = service.stop().then(() => {
      isStopped = true;
    });
    // What never answers is waited for until the clock says that it is enough.
    for (let steps = 0; steps < 1_000 && this.clock !== this.#options.clock; steps++) {
      await this.settle();
      if (isStopped) break;
      await this.virtual.advanceTo(this.virtual.nextWake ?? this.virtual.now());
    }
    await stopped;
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Puts a destination in the place of the one with its id. */
  put(fields: Partial<Destination> & { readonly id: string }): Destination {
    const seq = this.#seq++;
    const now = this.clock.now();
    const before = this.destinations.get(fields.id) ?? {
      accountId: "account",
      name: fields.id,
      outputs: ["reset"],
      meterKeys: [],
      enabled: true,
      target: webhook(),
      disabledReason: null,
      disabledAt: null,
      enabledAt: now,
      createdAt: now,
      createdSeq: seq,
    };
    const destination = { ...before, updatedAt: now, changedSeq: seq, ...fields };
    this.destinations.set(fields.id, destination);
    this.#changed();
    return destination;
  }

  remove(id: string): void {
    this.destinations.delete(id);
    this.#changed();
  }

  /** New outputs of an account, and the service told of them. */
  make(count: number, accountId = "account", meterKey = "Default"): readonly Position[] {
    const made: Position[] = [];
    for (let index = 0; index < count; index++) {
      made.push(this.outputs.add({ accountId, meterKey, now: this.clock.now() }));
    }
    this.#service?.tellOfNews();
    return made;
  }

  /** Lets the service work until it waits for the clock. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 4; quiet++) {
      const before = this.#looks;
      await turn();
      if (this.#looks !== before) quiet = -1;
    }
  }

  /** Lets time pass; at each instant at which somebody wakes the work is done to its end. */
  async advanceBy(durationMs: number): Promise<void> {
    const end = this.virtual.now() + durationMs;
    await this.settle();
    for (let next = this.virtual.nextWake; ; next = this.virtual.nextWake) {
      if (next === undefined || next > end) break;
      await this.virtual.advanceTo(next);
      await this.settle();
    }
    await this.virtual.advanceTo(end);
    await this.settle();
  }

  /** Lets work on the disk come to its end. */
  async until(isTrue: () => boolean): Promise<void> {
    for (let turns = 0; turns < turnsMax; turns++) {
      if (isTrue()) return;
      await turn();
    }
    throw new Error("what was awaited has not come");
  }

  #watched(clock: Clock): Clock {
    return {
      now: () => {
        this.#looks += 1;
        return clock.now();
      },
      monotonic: () => clock.monotonic(),
      sleepUntil: (instant, signal) => clock.sleepUntil(instant, signal),
    };
  }

  #changed(): void {
    this.#changes += 1;
    this.#service?.tellOfNews();
  }

  #source(): { readonly changes: number; all(): Iterable<Destination> } {
    const changes = (): number => this.#changes;
    return {
      get changes() {
        return changes();
      },
      all: () => this.destinations.values(),
    };
  }

  async #disable(
    destination: Destination,
    reason: "RECEIVER_GONE" | "RECEIVER_FAILING",
  ): Promise<void> {
    if (this.isDisablingBroken) throw new Error("the engine stops");
    this.disabled.push(`${destination.id} ${reason}`);
    const disabledAt = this.clock.now();
    this.put({ ...destination, enabled: false, disabledReason: reason, disabledAt });
  }

  #running(): Deliverer {
    if (this.#service === null) throw new Error("the service does not run");
    return this.#service;
  }
}

const turnsMax = 5_000_000;

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function webhook(
  url = "https://receiver.example/hook",
  secrets: readonly string[] = [knownSecret],
): Destination["target"] {
  const made = { createdAt: 0, expiresAt: null };
  return {
    kind: "webhook",
    url,
    secrets: secrets.map((sealed, index) => ({ ...made, id: `secret-${index}`, sealed })),
  };
}

const csv = { header: "recordId\r\n", line: (json: string) => `${JSON.parse(json).recordId}\r\n` };
