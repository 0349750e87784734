// The thread that moves the projection's log into the file while outputs are stored
// (docs/spec/projections.md, PR23): the real one, and one whose answers the test gives.
import { EventEmitter } from "node:events";
import { statSync } from "node:fs";
import { expect, it } from "vitest";
import type { CheckpointAnswer } from "../../src/projection/checkpoint-thread.ts";
import { Checkpoints, type CheckpointThread } from "../../src/projection/checkpoints.ts";
import { openProjection } from "../../src/projection/database.ts";
import { at, metered, newFile } from "./outputs.ts";

const perGroup = 500;
const ioErrFsync = 1_034;
const full = 13;

it("[PR23] moves the log into the file while storing goes on, and the file stays whole", async () => {
  const file = newFile();
  const projection = openProjection(file);
  let seq = 0;
  const store = (): void => {
    seq += 1;
    projection.store(
      Array.from({ length: perGroup }, (_, index) => metered(at(seq, index))),
      seq,
    );
  };
  while (seq < 10) store();
  const before = statSync(file).size;
  // Nothing else moves a log as short as this one.
  for (let turns = 0; statSync(file).size <= before; turns += 1) {
    expect(turns).toBeLessThan(1_000_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  while (seq < 30) store();
  projection.close();
  const again = openProjection(file);
  const page = again.listMeteredRecords(
    { accountId: "a" },
    { limit: 1, skip: 0, sortOrder: "ASC" },
  );
  expect([again.appliedSeq, page]).toMatchObject([30, { value: { total: 30 * perGroup } }]);
  again.close();
});

/** A thread whose answers the test gives. */
class FakeThread extends EventEmitter implements CheckpointThread {
  asked = 0;
  isEnded = false;

  postMessage(): void {
    this.asked += 1;
  }

  terminate(): void {
    this.isEnded = true;
  }

  answer(answer: CheckpointAnswer): void {
    this.emit("message", answer);
  }
}

it("[PR23] [EN7] a failed sync ends storing for good, another fault does not", () => {
  const thread = new FakeThread();
  const checkpoints = new Checkpoints("file", () => thread);
  checkpoints.wrote(100_000);
  checkpoints.wrote(100_000);
  expect(thread.asked).toBe(1);
  thread.answer({ errcode: full, message: "disk full" });
  checkpoints.check();
  checkpoints.wrote(1);
  expect(thread.asked).toBe(2);
  thread.answer({ errcode: ioErrFsync, message: "sync failed" });
  expect(() => checkpoints.check()).toThrow("sync failed");
  checkpoints.close();
  expect(thread.isEnded).toBe(true);
});

it("[PR23] a thread that died is asked no more", () => {
  const thread = new FakeThread();
  const checkpoints = new Checkpoints("file", () => thread);
  checkpoints.wrote(100_000);
  thread.emit("error");
  checkpoints.wrote(100_000);
  expect(thread.asked).toBe(1);
  checkpoints.check();
});
