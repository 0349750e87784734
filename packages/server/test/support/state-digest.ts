// A state as comparable lines: the sections of a snapshot, with the ids of counted records as a
// sorted set, since their order in memory depends on when tables grew. For comparisons only.
import { stateSections } from "../../src/core/snapshot.ts";
import type { State } from "../../src/core/state.ts";

const idBytes = 28;

/** Equal for equal states; where two differ, the line says in which section. */
export function stateDigest(state: State): readonly string[] {
  return [...stateSections(state)].flatMap((section) =>
    "text" in section
      ? [`${section.name} ${section.text}`]
      : [`${section.name} ${idsOf(section.bytes).join(" ")}`],
  );
}

function idsOf(bytes: Uint8Array): readonly string[] {
  const ids: string[] = [];
  for (let at = 0; at < bytes.length; at += idBytes) {
    ids.push(Buffer.from(bytes.subarray(at, at + idBytes)).toString("hex"));
  }
  return ids.sort();
}
