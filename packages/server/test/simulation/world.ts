// One world from its seed to its verdict: callers and troubles in turn, then a phase without faults
// in which everything accepted must come out, then the judge. The same seed gives the same trace.
import { queuedCommandsMax } from "../../src/core/limits.ts";
import { assert } from "../../src/core/problem.ts";
import { stateDigest } from "../support/state-digest.ts";
import { House, isInjected, type Sabotage } from "./house.ts";
import { Broken, judge } from "./judge.ts";
import { drawSwarm, type Swarm } from "./swarm.ts";
import { Trace } from "./trace.ts";
import { Workload } from "./workload.ts";

export const operationsMin = 500;
const hourMs = 3_600_000;
/** Starts that may fail in a row while faults are on. */
const startsMax = 12;
/** Turns within which an engine without faults comes to rest. */
const restTurnsMax = 50_000;

/** What a world did and met, by name. */
export type Tally = Readonly<Record<string, number>>;

export type WorldReport =
  | { readonly ok: true; readonly seed: number; readonly digest: string; readonly tally: Tally }
  | {
      readonly ok: false;
      readonly seed: number;
      readonly digest: string;
      readonly reason: string;
      readonly swarm: Swarm;
      /** The last things that happened. */
      readonly last: readonly string[];
    };

export async function runWorld(
  seed: number,
  operations: number = operationsMin,
  sabotage: Sabotage | null = null,
): Promise<WorldReport> {
  const swarm = drawSwarm(seed);
  const trace = new Trace();
  const world = new World({ seed, swarm, sabotage }, trace);
  try {
    const tally = await world.run(operations);
    return { ok: true, seed, digest: trace.digest, tally };
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { ok: false, seed, digest: trace.digest, reason, swarm, last: [...trace.last] };
  }
}

class World {
  readonly #house: House;
  readonly #swarm: Swarm;
  readonly #trace: Trace;
  readonly #workload: Workload;
  readonly #met: Record<string, number> = {};

  constructor(
    { seed, swarm, sabotage }: { seed: number; swarm: Swarm; sabotage: Sabotage | null },
    trace: Trace,
  ) {
    const journalKeepMs = swarm.journalKeepHours * hourMs;
    this.#house = new House({ ...swarm, seed, journalKeepMs, sabotage }, trace);
    this.#swarm = swarm;
    this.#trace = trace;
    this.#workload = new Workload(this.#house, swarm);
  }

  async run(operations: number): Promise<Tally> {
    const house = this.#house;
    await this.#started();
    this.#heal();
    this.#workload.open();
    await house.settle(restTurnsMax);
    this.#workload.begin();
    await house.settle(restTurnsMax);
    while (this.#workload.done.operations < operations) {
      const burst = house.random.integer(1, this.#swarm.burst);
      for (let index = 0; index < burst; index += 1) this.#workload.act();
      await this.#pause();
      await this.#trouble();
      await this.#recoverIfFailed();
    }
    await this.#comeToRest();
    const before = stateDigest(house.state);
    await house.stop();
    await this.#started();
    this.#heal();
    const { ledger, attempts, journal, state, outputs } = house;
    const digest = stateDigest(state);
    const digests = { digest, digestBefore: before };
    const evidence = { entries: ledger.entries, attempts, journal, state, ...digests };
    const isSpilling = this.#swarm.idsInMemoryMax !== null;
    if (state.idRuns.length > 0) this.#count("worlds with ids on disk");
    const isReplayedTwice = house.random.chance(0.25);
    const weighed = await judge({
      ...evidence,
      stored: outputs.texts,
      isReplayedTwice,
      isSpilling,
    });
    this.#trace.note(digest.join("\n"));
    await house.stop();
    return { ...this.#met, ...this.#workload.done, ...house.faults, ...house.totals, ...weighed };
  }

  async #pause(): Promise<void> {
    const house = this.#house;
    if (house.random.chance(this.#swarm.chances.rest)) await house.settle(60);
    else for (let turns = house.random.integer(0, 4); turns > 0; turns -= 1) await house.turn();
    const { commands } = house.engine.queued;
    if (commands > queuedCommandsMax) throw new Broken("bounded queues", `${commands} wait`);
  }

  /** Something that happens to the process, to the machine or to a store; or a fault goes away. */
  async #trouble(): Promise<void> {
    const { chances, diskFaults } = this.#swarm;
    const house = this.#house;
    const { random } = house;
    if (random.chance(chances.heal)) this.#heal();
    if (random.chance(chances.diskFault)) {
      const kind = random.pick(diskFaults);
      const plan = { at: random.integer(0, 20), kind, forever: random.chance(0.5) };
      this.#trace.note(`disk ${JSON.stringify(plan)}`);
      house.disk.plan(plan);
    }
    if (random.chance(chances.outputsFull)) house.outputs.fault = "full";
    if (random.chance(chances.outputsBroken)) house.outputs.fault = "broken";
    if (random.chance(chances.slow)) house.slowTurnsMax = random.integer(0, 12);
    if (random.chance(chances.stop)) await this.#again("stops");
    else if (random.chance(chances.kill)) await this.#again("kills");
    else if (random.chance(chances.powerCut)) await this.#again("powerCuts");
  }

  #heal(): void {
    this.#house.disk.plan(null);
    this.#house.outputs.fault = null;
    this.#house.outputs.plan(null);
    this.#house.slowTurnsMax = 0;
  }

  /** Ends this life in one of the three ways and begins the next. */
  async #again(end: "stops" | "kills" | "powerCuts"): Promise<void> {
    const house = this.#house;
    this.#count(end);
    if (end === "stops") await house.stop();
    else if (end === "kills") house.kill();
    else house.powerCut();
    if (house.random.chance(0.2)) {
      house.futureToleranceMs = house.random.pick([0, 60_000, 300_000]);
    }
    if (house.random.chance(0.2)) {
      house.setClock(house.clock.now() + house.random.integer(0, 48 * hourMs));
    }
    await this.#started();
  }

  /** Starts, through faults of its own now and then, until an engine runs. */
  async #started(): Promise<void> {
    const house = this.#house;
    for (let failed = 0; failed < startsMax; failed += 1) {
      const isFaulty = failed < startsMax - 1 && house.random.chance(failed === 0 ? 0.15 : 0.3);
      if (isFaulty) {
        const kind = house.random.pick(this.#swarm.diskFaults);
        house.disk.plan({
          at: house.random.integer(0, 25),
          kind,
          forever: house.random.chance(0.3),
        });
        const fault = house.random.pick(["full", "broken"] as const);
        const at = house.random.pick([0, 0, 1, 5]);
        if (house.random.chance(0.3)) house.outputs.plan({ at, fault, forever: false });
      }
      const started = await house.start();
      if (started.ok) return;
      this.#count("starts that failed");
      assert(isFaulty, `a start without faults is refused: ${started.reason}`);
      assert(started.reason !== "", "a refused start says why");
      if (house.random.chance(0.5)) house.kill();
      else house.powerCut();
    }
  }

  async #recoverIfFailed(): Promise<void> {
    const { failure, disk } = this.#house;
    if (failure !== null && !isInjected(failure)) throw failure;
    if (failure === null && !disk.isGone) return;
    await this.#again(this.#house.random.chance(0.5) ? "kills" : "powerCuts");
  }

  /** Without faults: everyone is answered, everything due is closed within two seconds (C6). */
  async #comeToRest(): Promise<void> {
    const house = this.#house;
    this.#heal();
    await this.#recoverIfFailed();
    this.#heal();
    const isResting = await house.settle(restTurnsMax);
    if (!isResting) throw new Broken("everything emitted", "the engine does not come to rest");
    await this.#recoverIfFailed();
    this.#heal();
    // The clock may stand behind the last entry; two seconds after it everything is due.
    const now = Math.max(house.clock.now(), house.state.time);
    house.setClock(now);
    await house.clock.advanceTo(now + 2_000);
    await house.settle(restTurnsMax);
    const due = house.state.due.earliest() ?? Number.POSITIVE_INFINITY;
    if (due <= now) throw new Broken("everything emitted", `a period of ${due} is still open`);
    const { commands, bytes } = house.engine.queued;
    if (commands !== 0 || bytes !== 0) {
      throw new Broken("bounded queues", `at rest ${commands} commands of ${bytes} bytes wait`);
    }
  }

  #count(name: string): void {
    this.#met[name] = (this.#met[name] ?? 0) + 1;
  }
}
