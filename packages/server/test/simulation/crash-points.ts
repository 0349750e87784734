// Every scene with a fault at I/O 0, 1, 2, … until it ends without having met it: a crash, one
// failing call, or all calls from there on, of the disk and of the projection. After each the engine
// must recover, and the judge finds everything acknowledged and nothing in part.
import { assert } from "../../src/core/problem.ts";
import type { FaultKind } from "../support/simulated-disk.ts";
import { stateDigest } from "../support/state-digest.ts";
import { House, type HouseSettings, isInjected } from "./house.ts";
import { judge } from "./judge.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import { Trace } from "./trace.ts";

export interface CrashPoints {
  /** I/Os of the scene, and calls of its projection. */
  readonly points: number;
  readonly recoveries: number;
  /** Faults that were met. */
  readonly injected: number;
}

/** Each decides what is left of what was not synced. */
export const fastSeeds: readonly number[] = [1];
export const fullSeeds: readonly number[] = Array.from({ length: 12 }, (_, index) => index + 1);

type Fault =
  | { readonly where: "disk"; readonly kind: FaultKind; readonly forever: boolean }
  | { readonly where: "outputs"; readonly kind: "full" | "broken"; readonly forever: boolean };

const faults: readonly Fault[] = [
  { where: "disk", kind: "crash", forever: false },
  { where: "disk", kind: "EIO", forever: false },
  { where: "disk", kind: "EIO", forever: true },
  { where: "disk", kind: "ENOSPC", forever: false },
  { where: "disk", kind: "ENOSPC", forever: true },
  { where: "disk", kind: "short-write", forever: false },
  { where: "disk", kind: "sync-failure", forever: false },
  { where: "disk", kind: "sync-failure", forever: true },
  { where: "outputs", kind: "full", forever: false },
  { where: "outputs", kind: "full", forever: true },
  { where: "outputs", kind: "broken", forever: false },
];

/** A scene of more I/Os is no small scene. */
const pointsMax = 2_000;

export async function enumerateCrashPoints(
  name: string,
  seeds: readonly number[],
): Promise<CrashPoints> {
  const scenario = scenarios[name];
  assert(scenario !== undefined, `there is no scenario ${name}`);
  const done = { points: 0, recoveries: 0, injected: 0 };
  for (const fault of faults) {
    for (const seed of seeds) {
      let at = 0;
      for (let isMet = true; isMet && at < pointsMax; at += 1) {
        const point = new CrashPoint(scenario, { seed, at, fault });
        isMet = await point.run().catch((cause: unknown) => {
          throw new Error(`${name}: ${JSON.stringify({ seed, at, fault })} ${point.story}`, {
            cause,
          });
        });
        done.recoveries += point.recoveries;
        done.injected += point.injected;
      }
      assert(at < pointsMax, `${name} does not end`);
      done.points = Math.max(done.points, at - 1);
    }
  }
  return done;
}

const settingsDefault: Omit<HouseSettings, "seed"> = {
  segmentBytesMax: 100_000,
  snapshotEveryBytes: 1_000_000,
  journalKeepMs: 400 * 86_400_000,
};

class CrashPoint {
  recoveries = 0;
  injected = 0;
  readonly #scenario: Scenario;
  readonly #fault: Fault;
  readonly #at: number;
  readonly #trace = new Trace();
  readonly #house: House;

  constructor(scenario: Scenario, { seed, at, fault }: { seed: number; at: number; fault: Fault }) {
    this.#scenario = scenario;
    this.#fault = fault;
    this.#at = at;
    this.#house = new House({ ...settingsDefault, ...scenario.settings, seed }, this.#trace);
  }

  get story(): string {
    return this.#trace.last.slice(-12).join("\n");
  }

  /** False when the scene ended before the I/O came. */
  async run(): Promise<boolean> {
    const house = this.#house;
    await this.#scenario.prepare(house);
    const { disk, outputs } = house;
    const { where, kind, forever } = this.#fault;
    if (where === "disk") disk.plan({ at: this.#at, kind, forever });
    else outputs.plan({ at: this.#at, fault: kind, forever });
    await this.#scenario.scene(house);
    const isMet = (where === "disk" ? disk.operations : outputs.calls) > this.#at;
    const met = where === "disk" ? (disk.injected[kind] ?? 0) : outputs.met[kind];
    this.injected += met;
    if (house.failure !== null && !isInjected(house.failure)) throw house.failure;
    // After a fault that could be lived with the engine goes on, and then ends like any other.
    for (const end of ["powerCut", "kill"] as const) {
      if (end === "powerCut" || house.random.chance(0.5)) house.powerCut();
      else house.kill();
      await this.#recover();
    }
    await this.#judge();
    return isMet;
  }

  async #recover(): Promise<void> {
    const started = await this.#house.start();
    assert(started.ok, started.ok ? "" : `it does not recover: ${started.reason}`);
    this.recoveries += 1;
    assert(await this.#house.settle(10_000), "the engine comes to rest");
    if (this.#house.failure !== null) throw this.#house.failure;
  }

  async #judge(): Promise<void> {
    const { ledger, attempts, journal, outputs, state } = this.#house;
    const digest = stateDigest(state);
    const digests = { digest, digestBefore: digest };
    const evidence = { entries: ledger.entries, attempts, journal, state, ...digests };
    await judge({ ...evidence, stored: outputs.texts, isReplayedTwice: true, isSpilling: false });
  }
}
