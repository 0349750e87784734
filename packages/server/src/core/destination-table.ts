// The tables of destinations: an account's own, and the folders that are taken, over all accounts,
// since files of two accounts must never meet. Entered and taken out in one way, whether an entry or
// a snapshot brings them.
import type { Destination } from "./destination.ts";
import { assert } from "./problem.ts";
import type { AccountState, State } from "./state.ts";

/** Enters a destination, or puts it in the place of the one with its id. */
export function putDestination(state: State, destination: Destination): void {
  const account = accountOf(state, destination);
  account.destinations.set(destination.id, destination);
  const { target } = destination;
  if (target.kind === "file") state.exportFolders.set(folderKey(target.folder), destination.id);
  state.destinationChanges += 1;
}

export function removeDestination(state: State, destination: Destination): void {
  accountOf(state, destination).destinations.delete(destination.id);
  const { target } = destination;
  if (target.kind === "file") state.exportFolders.delete(folderKey(target.folder));
  state.destinationChanges += 1;
}

/** The id of the destination that has a folder, whosever it is. */
export function folderOwner(state: State, folder: string): string | undefined {
  return state.exportFolders.get(folderKey(folder));
}

export function findDestination(
  state: State,
  accountId: string,
  id: string,
): Destination | undefined {
  return state.accounts.get(accountId)?.destinations.get(id);
}

export function* eachDestination(state: State): Generator<Destination> {
  for (const account of state.accounts.values()) yield* account.destinations.values();
}

/** Two names that differ in letter case alone are one folder on some file systems. */
function folderKey(folder: string): string {
  return folder.toLowerCase();
}

function accountOf(state: State, { accountId }: Destination): AccountState {
  const account = state.accounts.get(accountId);
  assert(account !== undefined, "a destination belongs to an account");
  return account;
}
