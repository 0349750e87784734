// Nine scenes of an engine's life, each small: what is made ready without faults, and the scene
// itself, at every I/O of which something will fail. A scene may be cut short anywhere.
import type { ResetSchedule } from "../../src/core/definitions.ts";
import type { StartCorrectionAction } from "../../src/core/entry.ts";
import { type PositionRows, positionRows } from "../../src/core/position-list.ts";
import { assert } from "../../src/core/problem.ts";
import { readUsageBody } from "../../src/core/usage-body.ts";
import { accountId, defaultMeterType, meterKey } from "../support/core-world.ts";
import type { House, HouseSettings } from "./house.ts";
import { defaultProcessor } from "./oracle-tables.ts";
import { SimulatedOutputs } from "./simulated-outputs.ts";

export interface Scenario {
  readonly settings?: Partial<HouseSettings>;
  /** Ends with an engine that runs, or with none where the scene begins with a start. */
  readonly prepare: (house: House) => Promise<void>;
  /** Resolves early when the engine has failed. */
  readonly scene: (house: House) => Promise<void>;
}

const hourMs = 3_600_000;
const hourly: ResetSchedule = { minute: "0", hour: "*", day: "*", month: "*", weekday: "*" };
const daily: ResetSchedule = { ...hourly, hour: "0" };
/** Turns that a scene waits for the engine: a full disk never comes to rest. */
const turnsMax = 60;

export const scenarios: Readonly<Record<string, Scenario>> = {
  "first start": {
    prepare: async () => {},
    scene: async (house) => {
      if (!(await started(house))) return;
      define(house, 2);
      await house.settle(turnsMax);
      await ended(house);
    },
  },
  commit: {
    settings: { segmentBytesMax: 1_500 },
    prepare: async (house) => await furnished(house, 4),
    scene: async (house) => {
      for (let round = 0; round < 4; round += 1) {
        for (let request = 0; request < 3; request += 1) send(house, `${round}${request}`);
        await house.settle(turnsMax);
      }
    },
  },
  snapshot: {
    settings: { segmentBytesMax: 2_000, snapshotEveryBytes: 3_000, journalKeepMs: 0 },
    prepare: async (house) => await furnished(house, 3),
    scene: async (house) => {
      for (let round = 0; round < 5; round += 1) {
        send(house, `a${round}`);
        house.setClock(house.clock.now() + 1_000);
        await house.settle(turnsMax);
      }
      await ended(house);
    },
  },
  "reset of many meters": {
    settings: { segmentBytesMax: 4_000 },
    prepare: async (house) => await furnished(house, 55),
    scene: async (house) => await passBoundary(house),
  },
  "delete on reset": {
    settings: { segmentBytesMax: 4_000 },
    prepare: async (house) => {
      await furnished(house, 12);
      for (const id of [...house.state.meters.keys()].slice(0, 8)) {
        const patch = { deleteOnReset: true };
        house.execute(`mark ${id}`, { kind: "patch-meter", accountId, id, patch });
      }
      await house.settle(10_000);
    },
    scene: async (house) => await passBoundary(house),
  },
  "definition change": {
    prepare: async (house) => await furnished(house, 4),
    scene: async (house) => {
      change(house);
      await house.settle(turnsMax);
      await passBoundary(house);
    },
  },
  "data correction": {
    settings: { segmentBytesMax: 2_000, snapshotEveryBytes: 6_000 },
    prepare: async (house) => {
      await furnished(house, 4);
      const faulty = Array.from({ length: 6 }, (_, at) => ({ userId: "u0-0", amount: at }));
      sendRecords(house, faulty);
      await house.settle(10_000);
    },
    scene: async (house) => {
      const items = waitingRows(house);
      const rename = { kind: "rename", from: "amount", to: "value" } as const;
      startAction(house, { id: "fix", action: "correct", change: rename, items });
      workOn(house, "fix", { from: 0, member: "amount" });
      send(house, "between");
      startAction(house, { id: "count", action: "reprocess", change: null, items });
      await house.settle(turnsMax);
      workOn(house, "fix", { from: 3, member: "amount" });
      workOn(house, "count", { from: 0, member: "value" });
      // A turn that comes twice, as after a start that does not know of the first.
      workOn(house, "count", { from: 0, member: "value" });
      await house.settle(turnsMax);
      send(house, "after");
      workOn(house, "count", { from: 3, member: "value" });
      await house.settle(turnsMax);
    },
  },
  recovery: {
    settings: { segmentBytesMax: 2_000, snapshotEveryBytes: 6_000 },
    prepare: async (house) => {
      await furnished(house, 6);
      for (let round = 0; round < 10; round += 1) {
        send(house, `r${round}`);
        await house.settle(10_000);
      }
      house.disk.plan({ at: 2, kind: "crash" });
      send(house, "cut off");
      await house.settle(turnsMax);
      house.powerCut();
    },
    scene: async (house) => {
      if (!(await started(house))) return;
      send(house, "after");
      await house.settle(turnsMax);
    },
  },
  // A projection of another format is emptied and rebuilt, and new settings are journaled.
  migration: {
    settings: { segmentBytesMax: 2_000 },
    prepare: async (house) => {
      await furnished(house, 6);
      for (let round = 0; round < 6; round += 1) {
        send(house, `m${round}`);
        await house.settle(10_000);
      }
      await passBoundary(house);
      await house.stop();
      house.outputs = new SimulatedOutputs();
      house.futureToleranceMs = 299_999;
    },
    scene: async (house) => {
      if (!(await started(house))) return;
      send(house, "after");
      await house.settle(turnsMax);
      await ended(house);
    },
  },
};

/** A start that may be refused; a refusal names a place. */
async function started(house: House): Promise<boolean> {
  const start = await house.start();
  if (!start.ok) assert(/data\/|projection|I\/O/.test(start.reason), `no place: ${start.reason}`);
  return start.ok;
}

async function ended(house: House): Promise<void> {
  if (house.failure === null && !house.disk.isGone) await house.stop();
}

async function furnished(house: House, meters: number): Promise<void> {
  const start = await house.start();
  assert(start.ok, "a first start without faults");
  define(house, meters);
  await house.settle(10_000);
  send(house, "first");
  await house.settle(10_000);
}

function define(house: House, count: number): void {
  house.execute("account", { kind: "create-account", accountId, name: "test", meterKey });
  for (const [name, resetSchedule] of Object.entries({ hourly, daily })) {
    const fields = { ...defaultMeterType, name, resetSchedule: { ...resetSchedule } };
    house.execute(`type ${name}`, { kind: "create-meter-type", accountId, id: name, fields });
  }
  const meters = Array.from({ length: count }, (_, index) => {
    const meterType = { id: index % 4 === 3 ? "daily" : "hourly" };
    const fields = { userId: `u${index % 5}-${index >> 2}`, meterKey, meterType, customFields: {} };
    return { id: `meter-${String(index).padStart(3, "0")}`, fields };
  });
  house.execute("meters", { kind: "create-meters", accountId, meters });
}

/** Positions of what waits, as an action takes them. */
function waitingRows(house: House): PositionRows {
  const waiting = house.state.accounts.get(accountId)?.processors.get(meterKey)?.waiting;
  const [piece = []] = waiting?.pieces(100) ?? [];
  const places = Array.from({ length: piece.length / 2 }, (_, at) => ({
    seq: piece[2 * at] ?? 0,
    index: piece[2 * at + 1] ?? 0,
  }));
  return positionRows(places);
}

function startAction(
  house: House,
  order: Pick<StartCorrectionAction, "id" | "action" | "change" | "items">,
): void {
  const asked = { accountId, lateUsage: null, filter: null, createdBy: "client" };
  house.execute(`start ${order.id}`, { kind: "start-correction-action", ...asked, ...order });
}

/** The next three items, with their amount under this name. */
function workOn(
  house: House,
  actionId: string,
  { from, member }: { readonly from: number; readonly member: string },
): void {
  const items = Array.from({ length: 3 }, (_, at) => ({
    meterKey,
    userId: "u0-0",
    recordId: null,
    reason: "MISSING_VALUE" as const,
    detail: "value is missing or empty.",
    record: JSON.stringify({ userId: "u0-0", [member]: from + at }),
    event: null,
    refusedId: null,
    isRekeyed: false,
  }));
  house.execute(`work ${actionId} ${from}`, { kind: "work-corrections", actionId, from, items });
}

function sendRecords(house: House, records: readonly object[]): void {
  const text = JSON.stringify(records);
  const read = readUsageBody({ form: "json", text, invalidLines: [] });
  assert(read.ok, "the records can be read");
  house.count(`usage ${text}`, meterKey, read.value);
}

function send(house: House, name: string): void {
  const records = Array.from({ length: 5 }, (_, user) => ({
    id: `${name}-${user}`,
    userId: `u${user}-0`,
    value: 1 + user,
    kind: user % 2 === 0 ? "x" : "y",
  }));
  sendRecords(house, [...records, { id: `${name}-0`, userId: "u0-0", value: 1, kind: "x" }]);
}

async function passBoundary(house: House): Promise<void> {
  send(house, "before");
  await house.settle(turnsMax);
  house.setClock(Math.floor(house.clock.now() / hourMs + 1) * hourMs + 24 * hourMs);
  send(house, "at");
  await house.settle(turnsMax);
  send(house, "after the boundary");
  await house.settle(turnsMax);
}

function change(house: House): void {
  const [rule] = defaultProcessor.guidingRules;
  assert(rule !== undefined, "the default processor has a rule");
  const guidingRules = [{ ...rule, groupBy: [{ fields: ["kind"] }] }];
  const id = "meter-000";
  house.execute("rules", { kind: "patch-processor", accountId, meterKey, patch: { guidingRules } });
  const patch = { resetSchedule: { ...daily }, timezone: "Asia/Kathmandu" };
  house.execute("type", { kind: "patch-meter-type", accountId, id: "hourly", patch });
  send(house, "between");
  house.execute("mark", { kind: "patch-meter", accountId, id, patch: { deleteOnReset: true } });
  house.execute("delete", { kind: "delete-meter", accountId, id: "meter-001" });
  house.execute("delete type", { kind: "delete-meter-type", accountId, id: "daily" });
}
