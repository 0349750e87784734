// The groups of a meter type's counters as sections of a snapshot. What is dumped is fixed when it is
// asked for and built when it is read: there may be a million keys, and a key may be long.
import { writeExactJson } from "./exact-json.ts";
import type { Group, GroupRow } from "./group-keys.ts";

/** Groups of a section, and characters of their keys before the last one: bounds what is built at once. */
const rowsPerSection = 10_000;
const charactersPerSection = 1_000_000;

/** Content of a section "groups". */
export interface GroupsRow {
  readonly meterTypeId: string;
  readonly groups: readonly GroupRow[];
}

class GroupSection {
  readonly name = "groups";
  readonly #meterTypeId: string;
  readonly #groups: readonly (Group | undefined)[];
  readonly #from: number;
  readonly #to: number;

  constructor(
    meterTypeId: string,
    groups: readonly (Group | undefined)[],
    { from, to }: { readonly from: number; readonly to: number },
  ) {
    this.#meterTypeId = meterTypeId;
    this.#groups = groups;
    this.#from = from;
    this.#to = to;
  }

  /** Built at each reading. */
  get text(): string {
    const groups: GroupRow[] = [];
    for (let number = this.#from; number < this.#to; number += 1) {
      const group = this.#groups[number];
      if (group !== undefined) groups.push([number, group.fields, group.key]);
    }
    const row: GroupsRow = { meterTypeId: this.#meterTypeId, groups };
    return writeExactJson(row);
  }
}

/** None where there is no group. `groups` by number, and never changed. */
export function* groupSections(
  meterTypeId: string,
  groups: readonly (Group | undefined)[],
): Generator<GroupSection> {
  let from = 0;
  let characters = 0;
  for (const [number, group] of groups.entries()) {
    characters += group?.key?.length ?? 0;
    const to = number + 1;
    const isFull = to - from >= rowsPerSection || characters >= charactersPerSection;
    if (!isFull && to < groups.length) continue;
    yield new GroupSection(meterTypeId, groups, { from, to });
    from = to;
    characters = 0;
  }
}
