// An account's place in the state, and its meter types' places in the account's tables: entered and
// taken out in one way, whether an entry or a snapshot brings them.
import type { Account } from "./definitions.ts";
import type { AccountState, MeterType, State } from "./state.ts";

/** Enters an account without any definitions. */
export function insertAccount(state: State, account: Account): AccountState {
  const inserted: AccountState = {
    account,
    meterTypes: new Map(),
    meterTypesByName: new Map(),
    meterTypesByExternalRef: new Map(),
    processors: new Map(),
    keys: new Map(),
    destinations: new Map(),
    meterCount: 0,
    waitingCorrections: 0,
  };
  state.accounts.set(account.id, inserted);
  return inserted;
}

/** Enters a meter type whose name and externalRef nobody else has. */
export function insertMeterType(state: State, account: AccountState, type: MeterType): void {
  state.meterTypes.set(type.id, type);
  account.meterTypes.set(type.id, type);
  indexNames(account, type);
}

/** Takes out a meter type that has no meters. */
export function removeMeterType(state: State, account: AccountState, type: MeterType): void {
  state.meterTypes.delete(type.id);
  account.meterTypes.delete(type.id);
  unindexNames(account, type);
}

/** Makes a meter type found by its present name and externalRef. */
export function indexNames(account: AccountState, type: MeterType): void {
  account.meterTypesByName.set(type.name, type);
  if (type.externalRef !== null) account.meterTypesByExternalRef.set(type.externalRef, type);
}

/** Gives name and externalRef free, before either changes. */
export function unindexNames(account: AccountState, type: MeterType): void {
  account.meterTypesByName.delete(type.name);
  if (type.externalRef !== null) account.meterTypesByExternalRef.delete(type.externalRef);
}
