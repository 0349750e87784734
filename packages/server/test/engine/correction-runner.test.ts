// Actions on data correction beside ingest, across kills, power cuts and full disks, and the expiry of
// items: the engine over a simulated disk with the real projection (docs/spec/data-correction.md).
import { describe, expect, it } from "vitest";
import { conservationFault } from "../../src/core/conservation.ts";
import { correctionItemsPerEntryMax } from "../../src/core/limits.ts";
import type { PositionRows } from "../../src/core/position-list.ts";
import { assert } from "../../src/core/problem.ts";
import type { Projection } from "../../src/projection/database.ts";
import { newFile, open } from "../projection/outputs.ts";
import { accountId, EngineWorld, meterKey } from "../support/engine-world.ts";

const dayMs = 86_400_000;

async function opened(seed = 1): Promise<{ world: EngineWorld; projection: () => Projection }> {
  const file = newFile();
  let current: Projection | null = null;
  const openOutputs = (): Projection => {
    current = open(file);
    return current;
  };
  const world = await EngineWorld.open({ seed, openOutputs });
  await world.meter(await world.meterType());
  const projection = (): Projection => {
    assert(current !== null, "the projection is open");
    return current;
  };
  return { world, projection };
}

async function send(world: EngineWorld, count: number, key = meterKey): Promise<void> {
  for (let sent = 0; sent < count; sent += 10_000) {
    const length = Math.min(10_000, count - sent);
    const records = Array.from({ length }, (_, at) => ({ userId: "user", amount: at + 1 }));
    assert((await world.usage(records, key)).ok, "the request was taken");
  }
}

/** The waiting items of an account, as an action takes them. */
function waitingRows(projection: Projection, account = accountId): PositionRows {
  const filter = { accountId: account, state: "waiting" } as const;
  const { places } = projection.corrections.worked.choose(filter, { afterNo: 0, limit: 100_000 });
  const rows = new Map<number, number[]>();
  for (const { seq, index } of places) {
    rows.set(seq, [...(rows.get(seq) ?? []), index]);
  }
  return [...rows].map(([seq, indexes]) => [seq, ...indexes]);
}

const rename = { kind: "rename", from: "amount", to: "value" } as const;

function start(
  world: EngineWorld,
  id: string,
  order: { action: "correct" | "reprocess"; items: PositionRows; account?: string },
): ReturnType<EngineWorld["execute"]> {
  const { action, items, account = accountId } = order;
  const change = action === "correct" ? rename : null;
  const asked = { change, lateUsage: null, filter: null, createdBy: "client" };
  return world.execute({
    kind: "start-correction-action",
    id,
    accountId: account,
    action,
    ...asked,
    items,
  });
}

function shown(projection: Projection, id: string, account = accountId): Record<string, unknown> {
  const text = projection.corrections.worked.action(account, id);
  return JSON.parse(text ?? "{}") as Record<string, unknown>;
}

function value(world: EngineWorld): bigint {
  const [meter] = world.state.meters.values();
  return (meter?.counter.value ?? 0n) / 10n ** 18n;
}

describe("an action", () => {
  it("[DC21] goes on in entries of 200, and usage between them is not kept waiting", async () => {
    const { world, projection } = await opened();
    await send(world, 1_300);
    await start(world, "fix", { action: "correct", items: waitingRows(projection()) });
    await world.settle();
    const before = world.journal.groups.length;
    await start(world, "count", { action: "reprocess", items: waitingRows(projection()) });
    const sent = world.usage([{ userId: "user", value: 1 }]);
    await sent;
    const inBetween = shown(projection(), "count");
    expect(inBetween).toMatchObject({ state: "running", total: 1_300 });
    await world.settle();
    expect(shown(projection(), "count")).toMatchObject({ state: "finished", done: 1_300 });
    const kinds = world.journal.groups.slice(before).flatMap((group) => group.kinds);
    expect(kinds.filter((kind) => kind === "work-corrections")).toHaveLength(7);
    expect(kinds.indexOf("usage")).toBeLessThan(kinds.lastIndexOf("work-corrections"));
    expect(value(world)).toBe(BigInt((1_300 * 1_301) / 2 + 1));
    await world.stop();
  });

  it.each(["kill", "powerCut"] as const)(
    "[DC24] a %s at any entry of it loses nothing and repeats nothing",
    async (end) => {
      for (let seed = 1; seed <= 6; seed += 1) {
        const { world, projection } = await opened(seed);
        await send(world, 2_200);
        await start(world, "fix", { action: "correct", items: waitingRows(projection()) });
        await start(world, "count", { action: "reprocess", items: waitingRows(projection()) });
        for (let turns = 0; turns < seed * 5; turns += 1) await world.turn();
        const release = world.journal.hold(seed % 2 === 0 ? "before" : "after");
        for (let turns = 0; turns < 10; turns += 1) await world.turn();
        const old = projection();
        world[end]();
        release();
        // What the old life still does must not reach the new one's projection.
        old.close();
        await world.started();
        await world.settle();
        expect(world.state.correctionActions.size).toBe(0);
        expect(shown(projection(), "fix")).toMatchObject({ state: "finished", done: 2_200 });
        expect(shown(projection(), "count")).toMatchObject({ state: "finished", done: 2_200 });
        expect(value(world)).toBe(BigInt((2_200 * 2_201) / 2));
        expect(conservationFault(world.state)).toBeNull();
        await world.stop();
      }
    },
  );

  it("[DC21] accounts take turns", async () => {
    const { world, projection } = await opened();
    const other = "00000000-0000-4000-8000-000000000002";
    await world.execute({ kind: "create-account", accountId: other, name: "b", meterKey: "b" });
    await send(world, 4 * correctionItemsPerEntryMax);
    await start(world, "long", { action: "reprocess", items: waitingRows(projection()) });
    await start(world, "short", { action: "reprocess", items: [[999, 1]], account: other });
    await world.settle();
    expect(shown(projection(), "short", other)).toMatchObject({ state: "finished", skipped: 1 });
    expect(shown(projection(), "long")).toMatchObject({ state: "finished", failed: 800 });
    const actions = world.journal.groups.flatMap(({ kinds }) => kinds);
    expect(actions.filter((kind) => kind === "work-corrections")).toHaveLength(5);
    await world.stop();
  });

  it("[DC24] a stop in the middle is like any other", async () => {
    const { world, projection } = await opened();
    await send(world, 3_000);
    await start(world, "fix", { action: "correct", items: waitingRows(projection()) });
    await world.restart();
    await world.settle();
    expect(shown(projection(), "fix")).toMatchObject({ state: "finished", done: 3_000 });
    await world.stop();
  });

  it("[DC24] waits while the disk has no room, and goes on when it has", async () => {
    const { world, projection } = await opened();
    await send(world, 1_000);
    world.disk.plan({ at: 2, kind: "ENOSPC", forever: true });
    const items = waitingRows(projection());
    await start(world, "fix", { action: "correct", items });
    for (let turns = 0; turns < 50; turns += 1) await world.turn();
    world.disk.plan(null);
    if (world.state.correctionActions.size === 0)
      await start(world, "again", { action: "correct", items });
    await world.clock.advanceBy(2_000);
    await world.settle();
    expect(world.failure).toBeNull();
    expect(world.state.correctionActions.size).toBe(0);
    expect(projection().corrections.worked.actions(accountId, { limit: 9, skip: 0 }).total).toBe(1);
    await world.stop();
  });
});

describe("expiry", () => {
  it("[DC20] items go 183 days after their last change, beside everything else", async () => {
    const { world, projection } = await opened();
    await send(world, 1_200);
    const listed = (): number =>
      projection().listCorrections({ accountId }, { limit: 1, skip: 0 }).total;
    const later = async (durationMs: number): Promise<void> => {
      world.clock.set(world.clock.now() + durationMs);
      await world.settle();
      // The next look of the scheduler finds what has become old, and the one after it the rest.
      for (let looks = 0; looks < 3; looks += 1) await world.clock.advanceBy(500);
      await world.settle();
    };
    await later(182 * dayMs);
    await send(world, 1);
    await later(dayMs - 10_000);
    expect(listed()).toBe(1_201);
    await later(60_000);
    await world.usage([{ userId: "user", value: 1 }]);
    await later(60_000);
    expect(listed()).toBe(1);
    const tally = world.state.accounts.get(accountId)?.processors.get(meterKey)?.tally;
    expect(tally?.expired).toBe(1_200);
    expect(conservationFault(world.state)).toBeNull();
    await world.restart();
    expect(listed()).toBe(1);
    await world.stop();
  });
});
