// Stops, restarts, and a file that cannot be written: nothing is lost, and nothing is repeated that
// need not be.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, it } from "vitest";
import { openDeliveriesFile } from "../../src/delivery/delivery-tables.ts";
import { openDelivery } from "../../src/delivery/open-delivery.ts";
import type { WebhookAnswer } from "../../src/delivery/webhook-sender.ts";
import { answered, DeliveryWorld, endWorlds } from "../support/delivery-world.ts";

afterEach(endWorlds);

const secondMs = 1_000;
const minuteMs = 60 * secondMs;

function fileOf(world: DeliveryWorld): string {
  return join(world.directory, "deliveries.db");
}

describe("a stop", () => {
  it("[DV60] waits for answers that come within five seconds", async () => {
    const world = new DeliveryWorld();
    world.receive = async () => {
      await world.virtual.sleepUntil(world.virtual.now() + 4 * secondMs);
      return answered(200);
    };
    const destination = world.put({ id: "one" });
    world.start();
    world.make(1);
    await world.settle();
    await world.stop();
    world.start();
    await world.settle();
    const [delivery] = world.desk.list(destination, { limit: 1, skip: 0 }).items;
    expect(delivery).toMatchObject({ state: "delivered", attemptCount: 1 });
  });

  it("[DV60] ends what takes longer; that stays pending, and is no attempt", async () => {
    const world = new DeliveryWorld();
    let isHanging = true;
    const ids: string[] = [];
    world.receive = ({ headers }, signal) => {
      ids.push(headers["webhook-id"] ?? "");
      if (!isHanging) return Promise.resolve(answered(200));
      return new Promise<WebhookAnswer>((resolve) => {
        const cut: WebhookAnswer = { kind: "unanswered", reason: "cut" };
        signal.addEventListener("abort", () => resolve(cut), { once: true });
      });
    };
    const destination = world.put({ id: "one" });
    world.start();
    world.make(1);
    await world.settle();
    const test = world.desk.test(destination);
    const began = world.virtual.now();
    await world.stop();
    expect(world.virtual.now() - began).toBe(5 * secondMs);
    expect(await test).toMatchObject({ ok: false, error: { code: "stopping" } });
    isHanging = false;
    world.start();
    await world.settle();
    const { items, total } = world.desk.list(destination, { limit: 2, skip: 0 });
    expect(total).toBe(1);
    expect(items[0]).toMatchObject({ state: "delivered", attemptCount: 1 });
    expect(ids.filter((id) => id === "msg_0.100.0")).toHaveLength(2);
  });

  it("[DV59] attempts, schedule and cursor are the same after a restart", async () => {
    const world = new DeliveryWorld();
    const ids: string[] = [];
    world.receive = async ({ headers }) => {
      ids.push(headers["webhook-id"] ?? "");
      return answered(ids.length % 2 === 0 ? 200 : 500);
    };
    const destination = world.put({ id: "one" });
    world.start();
    world.make(40);
    await world.settle();
    const list = () => world.desk.list(destination, { limit: 100, skip: 0 });
    const before = list();
    await world.stop();
    world.start();
    await world.settle();
    expect(list()).toEqual(before);
    await world.stop();
    world.make(1);
    world.start();
    await world.advanceBy(minuteMs);
    expect(new Set(ids).size).toBe(41);
  });

  it("[DV59] without its file everything since the destination was made goes out again", async () => {
    const world = new DeliveryWorld();
    const ids: string[] = [];
    world.receive = async ({ headers }) => {
      ids.push(headers["webhook-id"] ?? "");
      return answered(200);
    };
    world.put({ id: "one" });
    world.start();
    world.make(3);
    await world.settle();
    await world.stop();
    for (const end of ["", "-wal", "-shm"]) writeFileSync(`${fileOf(world)}${end}`, "");
    world.start();
    await world.settle();
    expect(ids.slice(3)).toEqual(ids.slice(0, 3));
  });
});

describe("a file that cannot be written", () => {
  it("[DV73] attempts keep their places, and all is written when it can be again", async () => {
    const world = new DeliveryWorld();
    let asked = 0;
    world.receive = async () => {
      asked += 1;
      return answered(200);
    };
    const destination = world.put({ id: "one" });
    world.start();
    world.make(2_000);
    const other = new DatabaseSync(fileOf(world));
    await world.settle();
    world.receive = async () => {
      asked += 1;
      // From now on nobody else can write.
      if (!other.isTransaction) other.exec("BEGIN IMMEDIATE");
      return answered(200);
    };
    world.make(1_000);
    await world.advanceBy(20 * secondMs);
    expect(other.isTransaction).toBe(true);
    expect(world.logged.some(({ text }) => text === "deliveries not stored")).toBe(true);
    expect(asked).toBeLessThanOrEqual(2_000 + 8);
    other.exec("ROLLBACK");
    world.receive = async () => answered(200);
    other.close();
    await world.advanceBy(minuteMs);
    expect(world.desk.list(destination, { state: "delivered", limit: 1, skip: 0 }).total).toBe(
      3_000,
    );
  });

  it("[DV73] what is asked for meanwhile is refused, and can be asked for again", async () => {
    const world = new DeliveryWorld();
    const destination = world.put({ id: "one" });
    world.start();
    world.make(1);
    await world.advanceBy(secondMs);
    const other = new DatabaseSync(fileOf(world));
    other.exec("BEGIN IMMEDIATE");
    const range = { from: 0, to: world.virtual.now() };
    const resend = () => world.desk.resend(destination, "msg_0.100.0", "client");
    const refused = { ok: false, error: { kind: "unavailable", code: "store-full" } };
    expect(resend()).toMatchObject(refused);
    expect(world.desk.resendRange(destination, range, "client")).toMatchObject(refused);
    expect(await world.desk.test(destination)).toMatchObject(refused);
    other.exec("ROLLBACK");
    other.close();
    expect(resend()).toMatchObject({ ok: true });
    expect(await world.desk.test(destination)).toMatchObject({ ok: true });
  });

  it.each([
    ["of something else", "PRAGMA application_id = 7", /something else/],
    ["of a newer version", "PRAGMA user_version = 99", /newer version/],
  ])("[DV74] a file %s is refused in a sentence and left as it is", async (_name, sql, text) => {
    const world = new DeliveryWorld();
    world.start();
    await world.stop();
    const database = new DatabaseSync(fileOf(world));
    database.exec(sql);
    database.close();
    const opened = openDeliveriesFile(fileOf(world));
    expect(opened.ok ? "" : opened.error).toMatch(text);
  });

  it("[DV74] a damaged file is refused with what can be done", () => {
    const world = new DeliveryWorld();
    writeFileSync(
      fileOf(world),
      "this is no database, but long enough to be read as one".repeat(99),
    );
    const opened = openDelivery({
      directory: world.directory,
      exportDirectory: world.exportDirectory,
      allowPrivate: false,
      retentionDays: 30,
      ...world.parts(),
    });
    expect(opened.ok ? "" : opened.error).toMatch(/Restore it from a backup/);
  });

  it("[DV75] metrics tell what waits, what failed, and what is under way", async () => {
    const world = new DeliveryWorld();
    world.receive = async () => answered(500);
    world.put({ id: "one" });
    world.put({ id: "off", enabled: false, disabledReason: "REQUESTED" });
    world.start();
    world.make(3);
    await world.advanceBy(secondMs);
    const waiting = { pending: 3, failed: 0, inFlight: 0, disabledDestinations: 1 };
    expect(world.gauges()).toEqual(waiting);
    await world.advanceBy(96 * 3_600_000);
    expect(world.gauges()).toEqual({ ...waiting, pending: 0, failed: 3 });
    await world.stop();
    expect(world.gauges()).toMatchObject({ pending: 0, failed: 0 });
  });
});
