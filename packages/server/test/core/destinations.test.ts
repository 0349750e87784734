// Destinations as the state machine has them: made, changed, disabled, deleted, their secrets; the
// same after replay and from a snapshot.
import { describe, expect, it } from "vitest";
import { apply } from "../../src/core/apply.ts";
import type { Destination, DestinationFields } from "../../src/core/destination.ts";
import { eachDestination, findDestination } from "../../src/core/destination-table.ts";
import type { EntryBody } from "../../src/core/entry.ts";
import { assert } from "../../src/core/problem.ts";
import { State } from "../../src/core/state.ts";
import { accountId, CoreWorld, start } from "../support/core-world.ts";

const otherAccountId = "00000000-0000-4000-8000-000000000002";
const dayMs = 86_400_000;

const webhook: DestinationFields = {
  name: "Billing",
  outputs: ["reset"],
  meterKeys: [],
  enabled: true,
  target: { kind: "webhook", url: "https://example.com/" },
};

function fileFields(folder: string): DestinationFields {
  return { ...webhook, target: { kind: "file", folder, format: "csv" } };
}

function sealed(id: string): { readonly id: string; readonly sealed: string } {
  return { id, sealed: `sealed ${id}` };
}

function creation(id: string, fields = webhook, owner = accountId): EntryBody {
  const secret = fields.target.kind === "webhook" ? sealed("s1") : null;
  return { kind: "create-destination", accountId: owner, id, fields, secret };
}

/** The destination that an entry gives, or the code of its refusal. */
function given(world: CoreWorld, entry: EntryBody): Destination | string {
  const { outcome } = world.apply(entry);
  if (outcome.kind === "refused") return outcome.problem.code;
  return outcome.kind === "destination" ? outcome.destination : outcome.kind;
}

function made(world: CoreWorld, entry: EntryBody): Destination {
  const result = given(world, entry);
  assert(typeof result !== "string", `refused: ${String(result)}`);
  return result;
}

function patchOf(id: string, patch: object): EntryBody {
  return { kind: "patch-destination", accountId, id, patch };
}

function rotation(id: string, secretId: string): EntryBody {
  return { kind: "rotate-destination-secret", accountId, id, secret: sealed(secretId) };
}

function disabling({ id, changedSeq }: Destination): EntryBody {
  const reason = "RECEIVER_GONE";
  return { kind: "disable-destination", accountId, id, reason, changedSeq };
}

describe("making", () => {
  it("[DV12] [DV17] keeps what was said, and from which entry on it delivers", () => {
    const world = new CoreWorld();
    expect(made(world, creation("d1"))).toEqual({
      ...webhook,
      id: "d1",
      accountId,
      target: {
        kind: "webhook",
        url: "https://example.com/",
        secrets: [{ ...sealed("s1"), createdAt: start, expiresAt: null }],
      },
      disabledReason: null,
      disabledAt: null,
      enabledAt: start,
      createdAt: start,
      updatedAt: start,
      createdSeq: world.state.seq,
      changedSeq: world.state.seq,
    });
    expect(made(world, creation("d2", { ...webhook, enabled: false }))).toMatchObject({
      enabled: false,
      disabledReason: "REQUESTED",
      disabledAt: start,
    });
  });

  it("[DV14] a folder has one destination over all accounts, in any letter case", () => {
    const world = new CoreWorld();
    const second = { accountId: otherAccountId, name: "b", meterKey: "b" };
    world.apply({ kind: "create-account", ...second });
    made(world, creation("d1", fileFields("Billing")));
    const own = world.apply(creation("d2", fileFields("billing"))).outcome;
    expect(own).toMatchObject({
      problem: { code: "folder-taken", existing: { collection: "destinations", id: "d1" } },
    });
    const foreign = world.apply(creation("d3", fileFields("BILLING"), otherAccountId)).outcome;
    expect(foreign).toMatchObject({ problem: { code: "folder-taken" } });
    expect(JSON.stringify(foreign)).not.toContain("d1");
    world.restart();
    expect(given(world, creation("d2", fileFields("billing")))).toBe("folder-taken");
    world.apply({ kind: "delete-destination", accountId, id: "d1" });
    expect(made(world, creation("d3", fileFields("BILLING"), otherAccountId)).id).toBe("d3");
  });

  it("[DV15] an account has at most 100", () => {
    const world = new CoreWorld();
    for (let index = 0; index < 100; index += 1) made(world, creation(`d${index}`));
    expect(given(world, creation("d100"))).toBe("too-many-destinations");
    world.apply({ kind: "delete-destination", accountId, id: "d7" });
    expect(made(world, creation("d100")).id).toBe("d100");
  });
});

describe("changing", () => {
  it("[DV16] changes what is named, and tells whoever follows", () => {
    const world = new CoreWorld();
    const first = made(world, creation("d1"));
    const before = world.state.destinationChanges;
    world.now += 1_000;
    expect(made(world, patchOf("d1", {}))).toEqual(first);
    expect(world.state.destinationChanges).toBe(before);
    const url = "https://example.org/";
    const changed = made(world, patchOf("d1", { url, meterKeys: ["k"] }));
    expect(changed).toEqual({
      ...first,
      meterKeys: ["k"],
      target: { ...first.target, url },
      updatedAt: start + 1_000,
      changedSeq: world.state.seq,
    });
    expect(world.state.destinationChanges).toBe(before + 1);
    expect(given(world, patchOf("none", {}))).toBe("not-found");
  });

  it("[DV17] is disabled for a reason, and enabled without one", () => {
    const world = new CoreWorld();
    made(world, creation("d1"));
    world.now += 1_000;
    const off = { enabled: false, disabledReason: "REQUESTED", disabledAt: start + 1_000 };
    expect(made(world, patchOf("d1", { enabled: false }))).toMatchObject(off);
    world.now += 1_000;
    expect(made(world, patchOf("d1", { enabled: false }))).toMatchObject(off);
    const on = { enabled: true, disabledReason: null, disabledAt: null, enabledAt: start + 2_000 };
    expect(made(world, patchOf("d1", { enabled: true }))).toMatchObject(on);
    world.now += 1_000;
    expect(made(world, patchOf("d1", { enabled: true, name: "n" }))).toMatchObject(on);
  });

  it("[DV18] the service disables what it saw, and nothing that changed since", () => {
    const world = new CoreWorld();
    const seen = made(world, creation("d1"));
    const renamed = made(world, patchOf("d1", { name: "n" }));
    expect(made(world, disabling(seen))).toEqual(renamed);
    const disabled = made(world, disabling(renamed));
    expect(disabled).toMatchObject({ enabled: false, disabledReason: "RECEIVER_GONE" });
    world.now += 1_000;
    expect(made(world, disabling(disabled))).toEqual(disabled);
    expect(given(world, disabling({ ...seen, id: "none" }))).toBe("not-found");
    // A caller who disables it once more has said nothing new: the reason stays.
    expect(made(world, patchOf("d1", { enabled: false }))).toMatchObject({
      disabledReason: "RECEIVER_GONE",
    });
  });

  it("[DV19] is gone when it is deleted", () => {
    const world = new CoreWorld();
    made(world, creation("d1"));
    const deletion = { kind: "delete-destination", accountId, id: "d1" } as const;
    expect(given(world, { ...deletion, accountId: accountId.replace("1", "9") })).toBe("not-found");
    expect(given(world, deletion)).toBe("deleted");
    expect(given(world, deletion)).toBe("not-found");
    expect(findDestination(world.state, accountId, "d1")).toBeUndefined();
  });
});

describe("secrets", () => {
  it("[DV23] the one before the newest signs for a day, an older one no more", () => {
    const world = new CoreWorld();
    made(world, creation("d1"));
    const secretsOf = ({ target }: Destination): unknown =>
      target.kind === "webhook" ? target.secrets.map(({ id, expiresAt }) => [id, expiresAt]) : null;
    world.now += 1_000;
    expect(secretsOf(made(world, rotation("d1", "s2")))).toEqual([
      ["s2", null],
      ["s1", start + 1_000 + dayMs],
    ]);
    world.now += 1_000;
    expect(secretsOf(made(world, rotation("d1", "s3")))).toEqual([
      ["s3", null],
      ["s2", start + 2_000 + dayMs],
    ]);
    expect(given(world, rotation("none", "s4"))).toBe("not-found");
    made(world, creation("f1", fileFields("f")));
    expect(given(world, rotation("f1", "s4"))).toBe("no-secret");
  });
});

it("[DV26] replay and a snapshot give the same destinations", () => {
  const world = new CoreWorld();
  made(world, creation("d1"));
  made(world, creation("f1", fileFields("Folder")));
  world.now += 5_000;
  made(world, rotation("d1", "s2"));
  made(world, patchOf("d1", { outputs: ["reset", "threshold"], enabled: false }));
  const expected = [...eachDestination(world.state)];
  expect(expected).toHaveLength(2);
  const replayed = new State();
  for (const entry of world.entries) apply(replayed, entry);
  expect([...eachDestination(replayed)]).toEqual(expected);
  world.restart();
  expect([...eachDestination(world.state)]).toEqual(expected);
});
