// The first account, fixed clients and further accounts, over the real state machine.
import { describe, expect, it } from "vitest";
import { accountNameFault, createAccount, ensureFirstAccount } from "../../src/accounts.ts";
import { allScopes } from "../../src/auth/scopes.ts";
import { hashSecret } from "../../src/auth/secrets.ts";
import { apply } from "../../src/core/apply.ts";
import type { EntryBody } from "../../src/core/entry.ts";
import type { Random } from "../../src/core/ports.ts";
import { fail, ok } from "../../src/core/problem.ts";
import { State } from "../../src/core/state.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { createSeededRandom } from "../support/seeded-random.ts";

interface World {
  readonly state: State;
  readonly random: Random;
  readonly execute: Engine["execute"];
  /** Kinds of the entries so far. */
  readonly entries: string[];
  /** Commands of this kind are answered 503 from now on. */
  failOn: string | null;
}

function newWorld(): World {
  const state = new State();
  const entries: string[] = [];
  const journal = (body: EntryBody): ReturnType<typeof apply> => {
    entries.push(body.kind);
    return apply(state, { seq: state.seq + 1, time: 1_000 + state.seq, body });
  };
  journal({ kind: "genesis", partition: 0, fingerprintKey: "00".repeat(16) });
  entries.length = 0;
  const world: World = {
    state,
    random: createSeededRandom(11),
    entries,
    failOn: null,
    async execute(command) {
      if (command.kind === world.failOn) {
        return fail({ kind: "unavailable", code: "overloaded", detail: "Full." });
      }
      if (command.kind === "create-meter-type" || command.kind === "patch-meter-type") {
        throw new Error("accounts do not make meter types");
      }
      return ok(journal(command).outcome);
    },
  };
  return world;
}

const client = { id: "fixed", secret: "0123456789abcdefghijklmnopqrstuvwxyz-ABCD" };

describe("first start", () => {
  it("[RU29] makes an account with all scopes and its Default processor, once", async () => {
    const world = newWorld();
    const made = await ensureFirstAccount(world, null);
    if (!made.ok || made.value === null) throw new Error("nothing was made");
    const { accountId, clientId, clientSecret, meterKey } = made.value;
    expect(clientSecret).toMatch(/^[A-Za-z0-9_-]{64}$/);
    expect(world.state.accounts.get(accountId)?.account.name).toBe("default");
    expect(world.state.accounts.get(accountId)?.processors.get(meterKey)?.fields.name).toBe(
      "Default",
    );
    const access = world.state.accesses.get(clientId);
    expect(access).toMatchObject({ accountId, secretHash: hashSecret(clientSecret ?? "") });
    expect(access?.scopes).toEqual(allScopes);
    expect(await ensureFirstAccount(world, null)).toEqual(ok(null));
    expect(world.entries).toEqual(["create-account", "put-access"]);
  });

  it("[RU30] makes the access that a start which died could not make", async () => {
    const world = newWorld();
    world.failOn = "put-access";
    expect((await ensureFirstAccount(world, null)).ok).toBe(false);
    world.failOn = null;
    const made = await ensureFirstAccount(world, null);
    const first = made.ok ? made.value : null;
    expect(
      world.state.accounts.get(first?.accountId ?? "")?.processors.has(first?.meterKey ?? ""),
    ).toBe(true);
    expect(first?.clientSecret).toHaveLength(64);
    expect(world.entries).toEqual(["create-account", "put-access"]);
  });
});

describe("fixed client", () => {
  it("[RU30] is put at the first start and not told", async () => {
    const world = newWorld();
    const made = await ensureFirstAccount(world, client);
    expect(made).toMatchObject({ ok: true, value: { clientId: "fixed", clientSecret: null } });
    expect(world.state.accesses.get("fixed")?.secretHash).toBe(hashSecret(client.secret));
  });

  it("[RU30] is applied at every start and journaled only when it differs", async () => {
    const world = newWorld();
    await ensureFirstAccount(world, null);
    const [accountId] = world.state.accounts.keys();
    expect(await ensureFirstAccount(world, client)).toEqual(ok(null));
    expect(await ensureFirstAccount(world, client)).toEqual(ok(null));
    expect(world.entries).toHaveLength(3);
    expect(world.state.accesses.get("fixed")?.accountId).toBe(accountId);
    const { id } = world.state.accesses.get("fixed") ?? {};
    const changed = { id: "fixed", secret: `${client.secret}2` };
    await ensureFirstAccount(world, changed);
    expect(world.state.accesses.get("fixed")).toMatchObject({
      id,
      secretHash: hashSecret(changed.secret),
    });
    expect(world.state.accesses.size).toBe(2);
  });

  it("[RU30] of another account stays there", async () => {
    const world = newWorld();
    await ensureFirstAccount(world, null);
    const made = await createAccount(world, "other");
    if (!made.ok) throw new Error(made.error.detail);
    await ensureFirstAccount(world, { id: made.value.clientId, secret: client.secret });
    expect(world.state.accesses.get(made.value.clientId)?.accountId).toBe(made.value.accountId);
  });
});

describe("further accounts", () => {
  it("[RU45] have ids, client and secret of their own", async () => {
    const world = newWorld();
    const made = [await createAccount(world, "a"), await createAccount(world, "a")];
    const values = made.flatMap((one) => (one.ok ? [one.value] : []));
    for (const name of ["accountId", "clientId", "clientSecret", "meterKey"] as const) {
      expect(new Set(values.map((value) => value[name])).size).toBe(2);
    }
    expect(world.state.accounts.size).toBe(2);
  });

  it.each(["", "  ", "a\nb", "a\u0000", "\ud800", "x".repeat(81)])(
    "[RU47] the name %j is refused, nothing journaled",
    async (name) => {
      const world = newWorld();
      expect((await createAccount(world, name)).ok).toBe(false);
      expect(accountNameFault(name)).toMatch(/^An account.*\.$/);
      expect(world.entries).toEqual([]);
    },
  );

  it("[RU47] 80 characters are allowed, whatever their bytes", () => {
    expect(accountNameFault("😀".repeat(80))).toBeNull();
    expect(accountNameFault("__proto__")).toBeNull();
  });
});
