// What callers of a world do: usage in all states of repair, the same again, floods of duplicates,
// definitions that come, change and go, clocks that are set. Each call is drawn from the world's
// seed and from what the engine shows at that moment.
import type { GuidingRule, MeterTypeFields, ProcessorPatch } from "../../src/core/definitions.ts";
import { assert } from "../../src/core/problem.ts";
import { readUsageBody } from "../../src/core/usage-body.ts";
import { accountId, meterKey } from "../support/core-world.ts";
import type { House } from "./house.ts";
import { boundaryAfter, oracleSchedules, oracleZones } from "./oracle-schedules.ts";
import { defaultProcessor } from "./oracle-tables.ts";
import type { Swarm } from "./swarm.ts";
import { textOf } from "./texts.ts";
import { UsageSource } from "./usage-source.ts";

const hourMs = 3_600_000;
const secondKey = "second-key";
const categories = ["DEFAULT", "DEFAULT", "other"];
/** Copies that a flood sends at once. */
const floodMax = 25;
const zoneNames = Object.keys(oracleZones);

export class Workload {
  readonly done = { operations: 0, flooded: 0, definitions: 0, leaps: 0 };
  readonly #house: House;
  readonly #swarm: Swarm;
  readonly #usage: UsageSource;
  #made = 0;

  constructor(house: House, swarm: Swarm) {
    this.#house = house;
    this.#swarm = swarm;
    this.#usage = new UsageSource(house, swarm);
  }

  /** The account. Whoever has a token for it comes later: changes go before what else waits. */
  open(): void {
    const command = { kind: "create-account", accountId, name: "test", meterKey } as const;
    this.#house.execute("account", command);
  }

  /** Its processor, some types and meters. */
  begin(): void {
    const { createMeters, windowDays } = this.#swarm;
    this.#patchProcessor(meterKey, {
      createMeters,
      deduplication: { field: "id", windowDays },
      guidingRules: this.#rules(),
      settlingSeconds: this.#swarm.settlingSeconds.at(-1) ?? 0,
      lateUsage: this.#swarm.lateIsCorrected ? "correct" : "current",
    });
    for (let index = 0; index < this.#swarm.types; index += 1) this.#createType();
  }

  /** One operation; a flood counts as many. */
  act(): void {
    this.done.operations += 1;
    const { weights } = this.#swarm;
    let draw = this.#house.random.fraction() * Object.values(weights).reduce((a, b) => a + b, 0);
    for (const [name, weight] of Object.entries(weights)) {
      draw -= weight;
      if (draw >= 0) continue;
      this.#do(name as keyof Swarm["weights"]);
      return;
    }
  }

  /** Sends again what nobody knows the fate of. */
  resend(label: string, text: string): void {
    this.#send(label, meterKey, text);
  }

  #do(name: keyof Swarm["weights"]): void {
    const { random } = this.#house;
    switch (name) {
      case "usage":
        this.#send("usage", this.#key(), this.#usage.next());
        break;
      case "resend":
        this.#send("again", meterKey, this.#usage.again());
        break;
      case "flood":
        this.#flood();
        break;
      case "types":
        this.#changeTypes();
        break;
      case "meters":
        if (random.chance(0.6)) this.#createMeters();
        else this.#changeMeter();
        break;
      case "processors":
        this.#changeProcessor();
        break;
      case "clock":
        this.#setClock();
        break;
    }
  }

  #send(label: string, key: string, text: string): void {
    const read = readUsageBody({ form: "json", text, invalidLines: [] });
    assert(read.ok, `the body can be read: ${text}`);
    this.#house.count(`${label} ${key} ${text}`, key, read.value);
  }

  #flood(): void {
    const text = this.#usage.again();
    const copies = this.#house.random.integer(5, floodMax);
    for (let copy = 0; copy < copies; copy += 1) this.#send("flood", meterKey, text);
    this.done.operations += copies - 1;
    this.done.flooded += copies;
  }

  #key(): string {
    return this.#house.random.chance(0.05) ? secondKey : meterKey;
  }

  #changeTypes(): void {
    this.done.definitions += 1;
    const { random, state } = this.#house;
    const types = [...state.meterTypes.values()];
    const draw = random.fraction();
    if (types.length === 0 || (draw < 0.2 && types.length < this.#swarm.types)) {
      this.#createType();
      return;
    }
    const { id } = random.pick(types);
    if (draw < 0.28) {
      this.#house.execute(`delete type ${id}`, { kind: "delete-meter-type", accountId, id });
      return;
    }
    const patch = this.#typePatch();
    const label = `patch type ${id} ${textOf(patch)}`;
    this.#house.execute(label, { kind: "patch-meter-type", accountId, id, patch });
  }

  #createType(): void {
    const { random, clock } = this.#house;
    this.#made += 1;
    const fields: MeterTypeFields = {
      name: random.chance(0.9) ? `Type ${this.#made}` : "Type 1",
      description: "",
      unit: "calls",
      category: random.pick(categories),
      externalRef: null,
      timezone: random.pick(zoneNames),
      aggregation: random.pick(["sum", "sum", "increment", "max", "min"]),
      resetSchedule: { ...random.pick(oracleSchedules) },
      activeFrom: random.chance(0.7) ? clock.now() - 400 * 24 * hourMs : null,
      activeTo: null,
      ...this.#limits(),
    };
    const id = `type-${this.#made}`;
    const label = `create type ${id} ${textOf(fields)}`;
    this.#house.execute(label, { kind: "create-meter-type", accountId, id, fields });
  }

  #typePatch(): Extract<
    Parameters<House["execute"]>[1],
    { readonly kind: "patch-meter-type" }
  >["patch"] {
    const { random, clock } = this.#house;
    const draw = random.integer(0, this.#swarm.activeWindows ? 6 : 4);
    const resetSchedule = { ...random.pick(oracleSchedules) };
    switch (draw) {
      case 0:
        return { resetSchedule };
      case 1:
        return { timezone: random.pick(zoneNames) };
      case 2:
        return { resetSchedule, timezone: random.pick(zoneNames) };
      case 3:
        return { category: random.pick(categories) };
      case 4:
        return random.chance(0.5) ? {} : { name: `Type ${random.integer(1, 9)}` };
      case 5:
        return {
          activeTo: random.chance(0.4) ? null : clock.now() + random.integer(1, 48) * hourMs,
        };
      default:
        return { activeFrom: clock.now() + random.integer(-90, 3) * hourMs };
    }
  }

  #createMeters(): void {
    const { random, state } = this.#house;
    this.done.definitions += 1;
    const types = [...state.meterTypes.keys()];
    if (types.length === 0 || state.meters.size >= this.#swarm.meters) {
      this.#changeMeter();
      return;
    }
    const meters = Array.from({ length: random.integer(1, 3) }, () => {
      this.#made += 1;
      const id = `meter-${String(this.#made).padStart(5, "0")}`;
      const meterType = { id: random.chance(0.97) ? random.pick(types) : "no-such-type" };
      const userId = this.#usage.user();
      return { id, fields: { userId, meterKey: this.#key(), meterType, customFields: {} } };
    });
    const label = `create meters ${JSON.stringify(meters)}`;
    this.#house.execute(label, { kind: "create-meters", accountId, meters });
  }

  #changeMeter(): void {
    const { random, state } = this.#house;
    const ids = [...state.meters.keys()];
    if (ids.length === 0) {
      this.#send("usage", meterKey, this.#usage.next());
      return;
    }
    this.done.definitions += 1;
    const id = random.pick(ids);
    if (random.chance(0.3)) {
      this.#house.execute(`delete ${id}`, { kind: "delete-meter", accountId, id });
      return;
    }
    const isLimit = this.#swarm.thresholds && random.chance(0.5);
    const patch = isLimit ? this.#limits() : { deleteOnReset: random.chance(0.5) };
    const label = `patch ${id} ${textOf(patch)}`;
    this.#house.execute(label, { kind: "patch-meter", accountId, id, patch });
  }

  #changeProcessor(): void {
    const { random, state } = this.#house;
    this.done.definitions += 1;
    const draw = random.fraction();
    const isThere = state.accounts.get(accountId)?.processors.has(secondKey) === true;
    if (draw < 0.2 && !isThere) {
      const fields = { ...defaultProcessor, name: "second", guidingRules: this.#rules() };
      const command = { kind: "create-processor", accountId, meterKey: secondKey, fields } as const;
      this.#house.execute("create processor", command);
      return;
    }
    if (draw < 0.3 && isThere) {
      const command = { kind: "delete-processor", accountId, meterKey: secondKey } as const;
      this.#house.execute("delete processor", command);
      return;
    }
    this.#patchProcessor(meterKey, this.#processorPatch());
  }

  #processorPatch(): ProcessorPatch {
    const { random } = this.#house;
    const { createMeters, allFiles, windowDays } = this.#swarm;
    const draw = random.integer(0, 6);
    if (draw === 0) return { guidingRules: this.#rules() };
    if (draw === 5) return { settlingSeconds: random.pick(this.#swarm.settlingSeconds) };
    if (draw === 6) {
      const { lateIsCorrected } = this.#swarm;
      return { lateUsage: lateIsCorrected && random.chance(0.7) ? "correct" : "current" };
    }
    if (draw === 1) return { createMeters: createMeters && random.chance(0.5) };
    if (draw === 2) return { flushType: allFiles && random.chance(0.5) ? "ALL_FILES" : "TIMEOUT" };
    if (draw === 3) return { suspenseManagement: { enabled: random.chance(0.7) } };
    return { deduplication: { windowDays: random.pick([windowDays, 1, 3]) } };
  }

  #patchProcessor(key: string, patch: ProcessorPatch): void {
    const command = { kind: "patch-processor", accountId, meterKey: key, patch } as const;
    this.#house.execute(`patch processor ${JSON.stringify(patch)}`, command);
  }

  #rules(): readonly GuidingRule[] {
    const { random } = this.#house;
    return Array.from({ length: random.integer(1, 3) }, (_, index): GuidingRule => {
      const field = random.pick(["kind", "region"]);
      const conditions = [
        { customName: "", field, value: random.pick(["x", "y"]), type: "string" as const },
      ];
      const isLast = index === 2 || random.chance(0.5);
      const carried = random.shuffle(["kind", "region", "id"]).slice(0, random.integer(0, 2));
      return {
        customName: "",
        ignoreCondition: isLast,
        conditionRelation: "and",
        conditions: isLast ? [] : conditions,
        matchCategory: random.pick(categories),
        groupBy: random
          .shuffle(["kind", "region", "none"])
          .slice(0, random.integer(0, 2))
          .map((name) => ({ fields: [name] })),
        otherOperations: carried.map((name) => ({
          field: name,
          operation: random.pick(["carry-first", "carry-last"] as const),
        })),
      };
    });
  }

  /** Capacity and thresholds, of which a percentage is never without a capacity. */
  #limits(): Pick<MeterTypeFields, "capacity" | "thresholds"> {
    const { random } = this.#house;
    if (!this.#swarm.thresholds) return { capacity: null, thresholds: [] };
    const unit = 10n ** 15n;
    const whole = [1_000, 2_000, 3_000];
    const amount = (): bigint => {
      const thousandths = random.integer(1, random.pick([5_000, 2_000_000_000]));
      return BigInt(random.chance(0.4) ? random.pick(whole) : thousandths) * unit;
    };
    const names = random.shuffle(["low", "mid", "high"]).slice(0, random.integer(0, 3));
    const thresholds = names.map((name) => {
      const isShare = random.chance(0.5);
      const share = BigInt(random.integer(1, 400_000)) * unit;
      return {
        name,
        absoluteValue: isShare ? null : amount(),
        capacityPercentage: isShare ? share : null,
        customFields: null,
      };
    });
    return { capacity: amount(), thresholds };
  }

  #setClock(): void {
    const { random, clock } = this.#house;
    this.done.leaps += 1;
    const now = clock.now();
    const hours = this.#swarm.clockLeapHours;
    const isBack = this.#swarm.clockBack && random.chance(0.3);
    const by = random.pick([1_000, 60_000, hourMs, hours * hourMs]);
    // At a boundary, a millisecond before and after it, everything is worth a look.
    const boundary = boundaryAfter(random.pick(oracleSchedules), random.pick(zoneNames), now);
    const isNear = random.chance(0.4) && boundary < now + 25 * hourMs;
    if (isBack) this.#house.setClock(now - random.integer(1, by));
    else if (isNear) this.#house.setClock(boundary + random.integer(-1, 1));
    else this.#house.setClock(now + random.integer(1, by));
  }
}
