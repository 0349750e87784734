// Usage requests of a world, as texts: new ones, faulty ones, and those sent before, word for word
// or with other content under a known id.
import type { House } from "./house.ts";
import type { Swarm } from "./swarm.ts";

/** Requests that may be sent again. */
const rememberedMax = 200;
const hourMs = 3_600_000;

export class UsageSource {
  readonly #house: House;
  readonly #swarm: Swarm;
  readonly #sent: string[] = [];
  #made = 0;

  constructor(house: House, swarm: Swarm) {
    this.#house = house;
    this.#swarm = swarm;
  }

  next(): string {
    const { random } = this.#house;
    const count = random.integer(1, this.#swarm.recordsPerRequest);
    const text = JSON.stringify(Array.from({ length: count }, () => this.#record()));
    if (this.#sent.length < rememberedMax) this.#sent.push(text);
    else this.#sent[random.integer(0, rememberedMax - 1)] = text;
    return text;
  }

  again(): string {
    return this.#sent.length === 0 ? this.next() : this.#house.random.pick(this.#sent);
  }

  user(): string {
    return `u${this.#house.random.integer(1, this.#swarm.users)}`;
  }

  #record(): unknown {
    const { random } = this.#house;
    this.#made += 1;
    const id =
      this.#swarm.idPool >= 100_000 || random.chance(0.5)
        ? `r${this.#made}`
        : `p${random.integer(1, this.#swarm.idPool)}`;
    const record: Record<string, unknown> = {
      ...(random.chance(0.9) ? { id } : {}),
      userId: random.chance(0.97) ? this.user() : "stranger",
      value: this.#value(),
      ...(random.chance(0.7) ? { kind: random.pick(["x", "y"]) } : {}),
      ...(random.chance(0.5) ? { region: random.pick(["x", "y", "z|\\", "ü"]) } : {}),
    };
    const isLateOften = this.#swarm.settlingSeconds.length > 1;
    if (random.chance(isLateOften ? 0.5 : 0.15)) record.timestamp = this.#timestamp();
    return random.chance(this.#swarm.chances.faultyRecord) ? this.#spoilt(record) : record;
  }

  #value(): string | number {
    const { random } = this.#house;
    if (random.chance(0.5)) return random.integer(-1_000, 1_000_000);
    if (random.chance(0.1)) return `${random.integer(1, 9)}2345678901234567890.5`.slice(1);
    return `${random.integer(-9_999, 9_999)}.${String(random.integer(0, 999)).padStart(3, "0")}`;
  }

  #timestamp(): string | number {
    const { random, clock } = this.#house;
    const hours = random.pick([1, 30, this.#swarm.windowDays * 30]);
    const instant = clock.now() - random.integer(0, hours * hourMs);
    return random.chance(0.5) ? instant : new Date(instant).toISOString();
  }

  #spoilt(record: Record<string, unknown>): unknown {
    const { random, clock } = this.#house;
    switch (random.integer(0, 6)) {
      case 0:
        return 17;
      case 1:
        return { ...record, userId: "" };
      case 2:
        return { ...record, value: null };
      case 3:
        return { ...record, value: "a dozen" };
      case 4:
        return { ...record, timestamp: "yesterday" };
      case 5:
        return { ...record, timestamp: clock.now() + random.integer(0, 2) * 299_000 };
      default:
        return { ...record, value: `0.${"1".repeat(19)}` };
    }
  }
}
