// Verifying lists of data correction that have been worked upon: what actions change is left out of the
// comparison, and so is what has expired; a record that was lost or changed on disk is not.
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { itemDigest, Told } from "../../src/backup/told.ts";
import { checkProjection } from "../../src/projection/copy-projection.ts";
import { CorrectionWorld } from "../support/correction-world.ts";

it("[DC20] [BK9] replay and lists agree after corrections, and differ after damage", () => {
  const world = new CorrectionWorld();
  try {
    world.meter(world.meterType());
    world.send('{"value":1}\n{"value":2}\n"\\ud83d\\ude00"\nnonsense', "ndjson");
    world.usage([{ value: 3, id: "a" }, { value: 4 }]);
    const set = { kind: "set", field: "userId", value: "user" } as const;
    world.act({ action: "correct", change: set });
    world.act({ action: "reprocess" });
    const { worked } = world.projection.corrections;
    const [first, ...others] = worked.stale(world.now + 1, 10);
    if (first === undefined) throw new Error("there are items");
    world.apply({ kind: "expire-corrections", items: [first, ...others.slice(-1)] });
    world.sync();
    world.projection.flush();
    const told = new Told(0, world.state.seq, null);
    told.take(world.outputs);
    const listed = (): string => {
      const projection = checkProjection(world.file);
      try {
        return itemDigest(projection.corrections(0));
      } finally {
        projection.close();
      }
    };
    expect(listed()).toBe(told.items.text);
    expect(listed()).toMatch(/^4 \(/);
    const raw = new DatabaseSync(world.file);
    raw.exec(
      "UPDATE correction_bodies SET original = x'00' WHERE no = (SELECT max(no) FROM corrections)",
    );
    raw.close();
    expect(listed()).not.toBe(told.items.text);
  } finally {
    world.close();
  }
});
