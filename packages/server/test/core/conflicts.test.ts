// What is in the way of a definition, decided when it is applied (docs/spec/meter-types.md MT33 to
// MT35, meters.md ME16 to ME18, processors.md MP26 and MP27).
import { describe, expect, it } from "vitest";
import type { MeterFields } from "../../src/core/definitions.ts";
import type { Outcome } from "../../src/core/outcome.ts";
import { defaultProcessorFields } from "../../src/core/processor.ts";
import { accountId, CoreWorld, meterKey, start } from "../support/core-world.ts";

const otherAccountId = "00000000-0000-4000-8000-000000000002";

function problemOf(outcome: Outcome): unknown {
  if (outcome.kind === "refused") return outcome.problem;
  if (outcome.kind !== "meters") return outcome.kind;
  const [result] = outcome.results;
  return result?.ok === false ? result.error : "made";
}

function createMeter(
  world: CoreWorld,
  meterType: MeterFields["meterType"],
  owner = accountId,
): unknown {
  const fields = { userId: "user", meterKey, meterType, customFields: {} };
  const meters = [{ id: `m-${world.state.seq}`, fields }];
  return problemOf(world.apply({ kind: "create-meters", accountId: owner, meters }).outcome);
}

describe("a meter type", () => {
  it("[MT33] [MT34] conflicts with another of the same name or externalRef, in its account only", () => {
    const world = new CoreWorld();
    const first = world.meterType({ name: "Calls", externalRef: "ref" });
    const second = world.meterType({ name: "Other", externalRef: null });
    const existing = { collection: "meter-types", id: first.id };
    const patch = (fields: object): unknown =>
      problemOf(
        world.command({ kind: "patch-meter-type", accountId, id: second.id, patch: fields })
          .outcome,
      );
    expect(patch({ name: "Calls" })).toMatchObject({ code: "meter-type-name-taken", existing });
    expect(patch({ externalRef: "ref" })).toMatchObject({ code: "external-ref-taken", existing });
    expect(patch({ name: "calls", externalRef: "Ref" })).toBe("meter-type");
    expect(() => world.meterType({ name: "Calls" })).toThrow();
    world.apply({ kind: "create-account", accountId: otherAccountId, name: "b", meterKey: "b" });
    const { id: _, accountId: _owner, ...fields } = first;
    const foreign = { kind: "create-meter-type", accountId: otherAccountId, id: "x" } as const;
    expect(problemOf(world.command({ ...foreign, fields }).outcome)).toBe("meter-type");
  });

  it("[MT33] gives its old name free, and may be sent its own", () => {
    const world = new CoreWorld();
    const type = world.meterType({ name: "Calls", externalRef: "ref" });
    const same = { name: "Calls", externalRef: "ref" };
    world.command({ kind: "patch-meter-type", accountId, id: type.id, patch: same });
    world.command({
      kind: "patch-meter-type",
      accountId,
      id: type.id,
      patch: { name: "New", externalRef: null },
    });
    expect(world.meterType({ name: "Calls", externalRef: "ref" }).name).toBe("Calls");
  });

  it("[MT35] cannot be deleted while it has meters", () => {
    const world = new CoreWorld();
    const type = world.meterType();
    const meter = world.meter(type);
    const remove = (): unknown =>
      problemOf(world.apply({ kind: "delete-meter-type", accountId, id: type.id }).outcome);
    expect(remove()).toMatchObject({ kind: "conflict", code: "meter-type-has-meters" });
    world.apply({ kind: "delete-meter", accountId, id: meter.id });
    expect(remove()).toBe("deleted");
    expect(remove()).toMatchObject({ kind: "not-found" });
  });
});

describe("a meter", () => {
  it("[ME16] of a meter type that this account does not have is not found", () => {
    const world = new CoreWorld();
    const type = world.meterType({ externalRef: "ref" });
    expect(createMeter(world, { id: "nothing" })).toMatchObject({
      kind: "not-found",
      errors: [{ pointer: "/meterTypeId" }],
    });
    expect(createMeter(world, { externalRef: "nothing" })).toMatchObject({
      kind: "not-found",
      errors: [{ pointer: "/externalRef" }],
    });
    world.apply({ kind: "create-account", accountId: otherAccountId, name: "b", meterKey: "b" });
    expect(createMeter(world, { id: type.id }, otherAccountId)).toMatchObject({
      kind: "not-found",
    });
    expect(createMeter(world, { externalRef: "ref" })).toBe("made");
  });

  it("[ME17] of a meter type that has ended is refused, up to its last instant taken", () => {
    const world = new CoreWorld();
    const type = world.meterType({ activeTo: start + 1_000, externalRef: "ref" });
    world.now = start + 1_001;
    expect(createMeter(world, { id: type.id })).toMatchObject({
      code: "meter-type-ended",
      errors: [{ pointer: "/meterTypeId" }],
    });
    expect(createMeter(world, { externalRef: "ref" })).toMatchObject({
      errors: [{ pointer: "/externalRef" }],
    });
    const fresh = new CoreWorld();
    const open = fresh.meterType({ activeTo: start + 1_000 });
    fresh.now = start + 1_000;
    expect(createMeter(fresh, { id: open.id })).toBe("made");
  });

  it("[ME18] is one for a user, meter type and meter key", () => {
    const world = new CoreWorld();
    const type = world.meterType();
    const meter = world.meter(type);
    const existing = { collection: "meters", id: meter.id };
    expect(createMeter(world, { id: type.id })).toMatchObject({ code: "meter-exists", existing });
    world.meter(type, "user", "other-key");
    world.meter(world.meterType());
    world.apply({ kind: "delete-meter", accountId, id: meter.id });
    expect(createMeter(world, { id: type.id })).toBe("made");
  });
});

describe("a meter processor", () => {
  it("[MP26] conflicts with another of the same meter key", () => {
    const world = new CoreWorld();
    const fields = defaultProcessorFields("Second");
    const { outcome } = world.apply({ kind: "create-processor", accountId, meterKey, fields });
    expect(problemOf(outcome)).toMatchObject({
      code: "meter-key-taken",
      existing: { collection: "meter-processors", id: meterKey },
    });
  });

  it("[MP23] keeps both of two changes that came at once to one nested object", () => {
    const world = new CoreWorld();
    const before = world.processor({}).fields;
    const patches = [
      { suspenseManagement: { enabled: false }, deduplication: { windowDays: 9 } },
      { suspenseManagement: { eventThreshold: 7 }, deduplication: { field: "key" } },
    ];
    for (const patch of patches) {
      world.apply({ kind: "patch-processor", accountId, meterKey, patch });
    }
    expect(world.processor({}).fields).toEqual({
      ...before,
      suspenseManagement: { ...before.suspenseManagement, enabled: false, eventThreshold: 7 },
      deduplication: { field: "key", windowDays: 9 },
    });
  });

  it("[MP27] cannot be deleted while meters name its key or records wait", () => {
    const world = new CoreWorld();
    const remove = (): unknown =>
      problemOf(world.apply({ kind: "delete-processor", accountId, meterKey }).outcome);
    const meter = world.meter(world.meterType());
    expect(remove()).toMatchObject({ kind: "conflict", code: "meter-processor-in-use" });
    world.usage([{ userId: "user", id: "a" }]);
    expect(world.usage([{ userId: "user", id: "a", value: 1 }]).counted).toBe(1);
    world.usage([{ userId: "user", id: "b" }]);
    world.apply({ kind: "delete-meter", accountId, id: meter.id });
    expect(remove()).toMatchObject({ code: "meter-processor-in-use" });
    const fresh = new CoreWorld();
    const { outcome } = fresh.apply({ kind: "delete-processor", accountId, meterKey });
    expect(outcome.kind).toBe("deleted");
    expect(fresh.send("[]").outcome).toMatchObject({ problem: { kind: "not-found" } });
  });
});
