// Random lives of the engine on a disk that crashes at any I/O: whatever happens, acknowledged
// records are counted once, others at most once, and periods tile time. Repeat one with SEED=<seed>.
import { describe, expect, it } from "vitest";
import { apply } from "../../src/core/apply.ts";
import { State } from "../../src/core/state.ts";
import { auditFaults } from "../support/audit-model.ts";
import { accountId, type EngineWorld, meterKey } from "../support/engine-world.ts";
import { MemoryOutputs } from "../support/memory-outputs.ts";
import { SimulatedCallers } from "../support/simulated-callers.ts";
import { stateDigest } from "../support/state-digest.ts";

const seedsPerTest = 50;
const operations = 100;

async function simulate(seed: number): Promise<SimulatedCallers> {
  const callers = await SimulatedCallers.open(seed);
  const { world } = callers;
  for (let done = 0; done < operations; ) {
    const together = world.random.integer(1, 6);
    for (let index = 0; index < together; index += 1) callers.act();
    done += together;
    if (world.random.chance(0.5)) await callers.rest();
    else for (let turns = world.random.integer(0, 3); turns > 0; turns -= 1) await world.turn();
    await callers.trouble();
    await callers.recoverIfFailed();
  }
  await callers.finish();
  return callers;
}

/** What the journal alone makes of it: state and outputs. */
async function replay(world: EngineWorld): Promise<{ state: State; outputs: MemoryOutputs }> {
  const state = new State();
  const outputs = new MemoryOutputs();
  for await (const entries of world.journal.replay(0)) {
    for (const entry of entries) outputs.store(apply(state, entry).outputs, entry.seq);
  }
  return { state, outputs };
}

function tallyFaults({ state }: EngineWorld, countedIds: number): readonly string[] {
  const tally = state.accounts.get(accountId)?.processors.get(meterKey)?.tally;
  if (tally === undefined) return ["there is no processor"];
  const { received, counted, duplicates, rejected } = tally;
  const faults: string[] = [];
  if (received !== counted + duplicates + rejected) faults.push("received is not their sum");
  if (counted < countedIds) faults.push(`${counted} counted, ${countedIds} acknowledged`);
  return faults;
}

describe("whatever happens", () => {
  const first = Number.parseInt(process.env.SEED ?? "1", 10);
  const tests = process.env.SEED === undefined ? 4 : 1;
  const count = process.env.SEED === undefined ? seedsPerTest : 1;
  for (let part = 0; part < tests; part += 1) {
    const from = first + part * count;
    it(`[EN8] [EN14] [FL2] [FL15] [UA5] seeds ${from} to ${from + count - 1}`, async () => {
      const seen = { lost: 0, acknowledged: 0, kills: 0, powerCuts: 0, stops: 0, records: 0 };
      for (let seed = from; seed < from + count; seed += 1) {
        const callers = await simulate(seed).catch((cause: unknown) => {
          throw new Error(`SEED=${seed} fails`, { cause });
        });
        const { world, history, crashes } = callers;
        const replayed = await replay(world);
        const faults = [
          ...history.faults(callers.observe()),
          ...tallyFaults(world, history.acknowledged.length),
          ...auditFaults(world.memory.audits, world.state),
        ];
        expect(faults, `SEED=${seed}`).toEqual([]);
        expect(stateDigest(replayed.state), `SEED=${seed}`).toEqual(stateDigest(world.state));
        expect(replayed.outputs.records(), `SEED=${seed}`).toEqual(world.memory.records());
        expect(replayed.outputs.audits, `SEED=${seed}`).toEqual(world.memory.audits);
        expect(new Set(world.state.meters.keys()), `SEED=${seed}`).toEqual(world.memory.meters);
        seen.lost += history.totals.lost;
        seen.acknowledged += history.acknowledged.length;
        seen.kills += crashes.kills;
        seen.powerCuts += crashes.powerCuts;
        seen.stops += crashes.stops;
        seen.records += world.memory.records().length;
      }
      expect(Object.values(seen).every((number) => number > 0)).toBe(true);
    });
  }
});
