// A state as comparable lines, with the ids of counted records as a sorted set, since their order in
// memory depends on when tables grew. For comparisons only.
import type { State } from "../../src/core/state.ts";
import { stateLines } from "../../src/core/state-lines.ts";

const idBytes = 28;

/** Equal for equal states; where two differ, the line says in what. */
export function stateDigest(state: State): readonly string[] {
  const accounts = [...state.accounts.values()];
  const processors = accounts.flatMap((account) => [...account.processors.values()]);
  const sections = processors.flatMap(({ ids }) => ids.dump());
  const ids = sections.map(({ name, bytes }) => `${name} ${idsOf(bytes).join(" ")}`);
  return [...stateLines(state), ...ids];
}

function idsOf(bytes: Uint8Array): readonly string[] {
  const ids: string[] = [];
  for (let at = 0; at < bytes.length; at += idBytes) {
    ids.push(Buffer.from(bytes.subarray(at, at + idBytes)).toString("hex"));
  }
  return ids.sort();
}
