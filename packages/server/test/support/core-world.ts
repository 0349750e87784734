// The core alone, without journal or disk: one call to make a state with an account and to apply
// entries to it with a time. The only test code that builds a state by hand.
import { type Applied, apply } from "../../src/core/apply.ts";
import type { MeterTypeFields, ProcessorFields } from "../../src/core/definitions.ts";
import type { Entry, EntryBody } from "../../src/core/entry.ts";
import { writeJson } from "../../src/core/json.ts";
import type { JsonObject } from "../../src/core/json-value.ts";
import type { UsageOutcome } from "../../src/core/outcome.ts";
import type { Output } from "../../src/core/output.ts";
import type { EpochMs } from "../../src/core/ports.ts";
import { assert } from "../../src/core/problem.ts";
import { defaultProcessorFields } from "../../src/core/processor.ts";
import { restoreState } from "../../src/core/snapshot.ts";
import { stateSections } from "../../src/core/snapshot-pass.ts";
import {
  findMeter,
  type Meter,
  type MeterType,
  type Processor,
  State,
} from "../../src/core/state.ts";
import type { UsageForm } from "../../src/core/usage-body.ts";
import type { Command } from "../../src/engine/command.ts";
import { Planner } from "../../src/engine/planner.ts";
import { createTemporalZones } from "../../src/runtime/zones.ts";
import { sentBody } from "./sent-body.ts";

export const accountId = "00000000-0000-4000-8000-000000000001";
export const meterKey = "default-key";
/** 2026-01-01T00:00:00.000Z */
export const start: EpochMs = 1_767_225_600_000;
export const zones = createTemporalZones();

export class CoreWorld {
  state = new State();
  readonly entries: Entry[] = [];
  readonly outputs: Output[] = [];
  #planner = new Planner(this.state, zones);
  now: EpochMs;
  #made = 0;

  constructor(now: EpochMs = start) {
    this.now = now;
    this.apply({
      kind: "genesis",
      partition: 0,
      fingerprintKey: "00112233445566778899aabbccddeeff",
    });
    this.apply({ kind: "configure", futureToleranceMs: 300_000, correctionsPerAccountMax: 1_000 });
    this.apply({ kind: "create-account", accountId, name: "test", meterKey });
  }

  /** Applies an entry at `now`, after the timetables have been made to reach beyond it. */
  apply(body: EntryBody): Applied {
    for (;;) {
      const extension = this.#planner.extension(this.now);
      if (extension === null) break;
      this.#append(extension);
      this.#planner.forget();
    }
    const applied = this.#append(body);
    this.#planner.forget();
    return applied;
  }

  command(command: Command): Applied {
    return this.apply(this.#planner.complete(command, this.now));
  }

  meterType(fields: Partial<MeterTypeFields> = {}): MeterType {
    this.#made += 1;
    const id = `type-${this.#made}`;
    const all = { ...defaultMeterType, name: `Type ${this.#made}`, ...fields };
    const { outcome } = this.command({ kind: "create-meter-type", accountId, id, fields: all });
    assert(outcome.kind === "meter-type", "the meter type was made");
    return outcome.meterType;
  }

  meter(type: MeterType, userId = "user", key = meterKey): Meter {
    this.#made += 1;
    const id = `meter-${String(this.#made).padStart(6, "0")}`;
    const fields = { userId, meterKey: key, meterType: { id: type.id }, customFields: {} };
    const { outcome } = this.apply({ kind: "create-meters", accountId, meters: [{ id, fields }] });
    assert(outcome.kind === "meters" && outcome.results[0]?.ok === true, "the meter was made");
    return outcome.results[0].value;
  }

  processor(fields: Partial<ProcessorFields>, key = meterKey): Processor {
    const known = this.state.accounts.get(accountId)?.processors.get(key);
    if (known === undefined) {
      const all = { ...defaultProcessorFields(key), ...fields };
      this.apply({ kind: "create-processor", accountId, meterKey: key, fields: all });
    } else this.apply({ kind: "patch-processor", accountId, meterKey: key, patch: fields });
    const processor = this.state.accounts.get(accountId)?.processors.get(key);
    assert(processor !== undefined, "the processor exists");
    return processor;
  }

  /** Sends records as one request and gives what became of them; a refusal fails the test. */
  usage(records: readonly JsonObject[], key = meterKey): UsageOutcome {
    const { outcome } = this.send(writeJson(records), "json", key);
    assert(outcome.kind === "usage", `usage was not taken: ${outcome.kind}`);
    return outcome;
  }

  send(text: string, form: UsageForm = "json", key = meterKey): Applied {
    const body = sentBody(text, form);
    return this.apply({ kind: "usage", accountId, meterKey: key, body });
  }

  /** Goes on with the state as a snapshot would bring it back. */
  restart(): void {
    this.state = restoreState([...stateSections(this.state)]);
    this.#planner = new Planner(this.state, zones);
  }

  /** Closes everything that is due at `now`. */
  sweep(): void {
    this.apply({ kind: "end-periods", limit: 1_000_000 });
  }

  live(meter: Meter): Meter | undefined {
    return findMeter(this.state, accountId, meter.id);
  }

  metered(): Record<string, unknown>[] {
    return this.outputs.flatMap((output) =>
      output.kind === "metered-record" ? [JSON.parse(output.json) as Record<string, unknown>] : [],
    );
  }

  #append(body: EntryBody): Applied {
    const entry: Entry = { seq: this.state.seq + 1, time: this.now, body };
    this.entries.push(entry);
    const applied = apply(this.state, entry);
    this.outputs.push(...applied.outputs);
    return applied;
  }
}

export const defaultMeterType: MeterTypeFields = {
  name: "Type",
  description: "",
  unit: "calls",
  category: "DEFAULT",
  externalRef: null,
  timezone: "Etc/UTC",
  aggregation: "sum",
  resetSchedule: { minute: "0", hour: "0", day: "1", month: "*", weekday: "*" },
  activeFrom: null,
  activeTo: null,
  capacity: null,
  thresholds: [],
};
