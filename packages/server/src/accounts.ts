// Makes accounts with their first application access: at the first start, at every start with a
// fixed client, and for the account command. A secret leaves this file exactly once, in the value
// that tells of the new account; it is kept only as its hash.
import { allScopes } from "./auth/scopes.ts";
import { drawClientId, drawSecret, hashSecret } from "./auth/secrets.ts";
import type { Access, Account } from "./core/definitions.ts";
import { nameCharactersMax } from "./core/limits.ts";
import { assert, fail, ok, type Problem, type Result } from "./core/problem.ts";
import type { Engine } from "./engine/engine.ts";

/** What its owner is shown, once. */
export interface NewAccount {
  readonly accountId: string;
  readonly name: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Of the account's meter processor "Default". */
  readonly meterKey: string;
}

/** Client id and secret fixed by settings. */
export interface FixedClient {
  readonly id: string;
  readonly secret: string;
}

/** What the first start made; `clientSecret` is null where settings fix it. */
export interface FirstAccount {
  readonly accountId: string;
  readonly clientId: string;
  readonly clientSecret: string | null;
  readonly meterKey: string;
}

type Accounts = Pick<Engine, "state" | "random" | "execute">;

const firstAccountName = "default";
const firstAccessName = "default";

/** Durable when it resolves. After a failure there may be an account without access. */
export async function createAccount(engine: Accounts, name: string): Promise<Result<NewAccount>> {
  const fault = accountNameFault(name);
  if (fault !== null) {
    return fail({ kind: "invalid-request", code: "invalid-request", detail: fault });
  }
  const made = await putAccount(engine, name);
  if (!made.ok) return made;
  const clientId = drawClientId(engine.random);
  const clientSecret = drawSecret(engine.random);
  const { accountId, meterKey } = made.value;
  const put = await putAccess(engine, accountId, { id: clientId, secret: clientSecret });
  return put.ok ? ok({ accountId, name, clientId, clientSecret, meterKey }) : put;
}

/** One sentence, or null for a name that an account may have. */
export function accountNameFault(name: string): string | null {
  if (/[\p{Cc}\p{Cs}]/u.test(name)) return "An account's name holds no control characters.";
  if (name.trim() === "") return "An account needs a name.";
  return [...name].length > nameCharactersMax
    ? `An account's name has at most ${nameCharactersMax} characters.`
    : null;
}

/**
 * Makes the first account where there is none, or where a start died before its access was made,
 * and puts the fixed client at every start. Null when nothing had to be told: an account is there.
 */
export async function ensureFirstAccount(
  engine: Accounts,
  client: FixedClient | null,
): Promise<Result<FirstAccount | null>> {
  const first = firstAccount(engine);
  if (first !== undefined && engine.state.accesses.size > 0) {
    return client === null ? ok(null) : applyFixedClient(engine, first, client);
  }
  const made =
    first === undefined
      ? await putAccount(engine, firstAccountName)
      : ok({ accountId: first.id, meterKey: anyMeterKey(engine, first.id) });
  if (!made.ok) return made;
  const { accountId, meterKey } = made.value;
  const used = client ?? { id: drawClientId(engine.random), secret: drawSecret(engine.random) };
  const put = await putAccess(engine, accountId, used);
  if (!put.ok) return put;
  const clientSecret = client === null ? used.secret : null;
  return ok({ accountId, meterKey, clientId: used.id, clientSecret });
}

/** The oldest account; ids break a tie so that every start finds the same. */
function firstAccount(engine: Accounts): Account | undefined {
  return [...engine.state.accounts.values()]
    .map((entry) => entry.account)
    .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))[0];
}

function anyMeterKey(engine: Accounts, accountId: string): string {
  const keys = engine.state.accounts.get(accountId)?.processors.keys().next();
  return keys?.value ?? "";
}

/** Only writes when something differs: a start must not make the journal grow. */
async function applyFixedClient(
  engine: Accounts,
  first: Account,
  client: FixedClient,
): Promise<Result<null>> {
  const present = engine.state.accesses.get(client.id);
  if (present !== undefined && isCurrent(present, client)) return ok(null);
  const put = await putAccess(engine, present?.accountId ?? first.id, client);
  return put.ok ? ok(null) : put;
}

function isCurrent(access: Access, client: FixedClient): boolean {
  return (
    access.secretHash === hashSecret(client.secret) &&
    allScopes.every((scope) => access.scopes.includes(scope))
  );
}

async function putAccount(
  engine: Accounts,
  name: string,
): Promise<Result<{ readonly accountId: string; readonly meterKey: string }, Problem>> {
  const accountId = engine.random.uuid();
  const meterKey = engine.random.uuid();
  const made = await engine.execute({ kind: "create-account", accountId, name, meterKey });
  return made.ok ? ok({ accountId, meterKey }) : made;
}

async function putAccess(
  engine: Accounts,
  accountId: string,
  client: FixedClient,
): Promise<Result<null>> {
  assert(engine.state.accounts.has(accountId), "an access belongs to an account that is there");
  const put = await engine.execute({
    kind: "put-access",
    id: engine.state.accesses.get(client.id)?.id ?? engine.random.uuid(),
    accountId,
    name: firstAccessName,
    clientId: client.id,
    secretHash: hashSecret(client.secret),
    scopes: allScopes,
  });
  return put.ok ? ok(null) : put;
}
