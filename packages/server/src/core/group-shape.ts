// Which groups a counter has, apart from their values: shared by all counters with the same groups
// in the same order, since a million meters of one product mostly have the same few keys. A shape
// grows by transitions, like a hidden class; a large one belongs to a single counter and grows in
// place. Sharing cannot be seen from outside.
import { groupsPerBreakdownMax } from "./limits.ts";

/** From this many groups on a shape belongs to one counter. */
const sharedGroupsMax = 16;
/** Shapes that are shared; beyond it counters get shapes of their own. */
const sharedShapesMax = 20_000;

/** A group: its group-by entry's fields, and its key; null for what is beyond the bound (AG5). */
export interface Group {
  readonly fields: readonly string[];
  readonly key: string | null;
}

/** Where a group's value stands in the counter's values. */
type Places = Map<string | null, number>;

export class GroupShape {
  readonly #groups: Group[];
  /** By the identity of the group-by entry, then by key. */
  readonly #places = new Map<string, Places>();
  readonly #next: Map<string, Map<string | null, GroupShape>> | null;

  private constructor(groups: Group[], isShared: boolean) {
    this.#groups = groups;
    this.#next = isShared ? new Map() : null;
    for (const [at, group] of groups.entries())
      this.#place(groupByIdentity(group.fields), group, at);
  }

  /** The shape without groups, from which all others of a state grow. */
  static root(): GroupShape {
    return new GroupShape([], true);
  }

  /** In order of first appearance; a group's value has the same place. */
  get groups(): readonly Group[] {
    return this.#groups;
  }

  /** Place of the group that takes this key, or undefined when the shape must grow for it. */
  placeOf(identity: string, key: string): number | undefined {
    const places = this.#places.get(identity);
    if (places === undefined) return undefined;
    const at = places.get(key);
    if (at !== undefined || places.size < groupsPerBreakdownMax) return at;
    return places.get(null);
  }

  /** The shape with one more group: the one for this key, or the one for all beyond the bound. */
  grow(identity: string, group: Group, shapes: ShapeBudget): GroupShape {
    const isFull = (this.#places.get(identity)?.size ?? 0) >= groupsPerBreakdownMax;
    return this.with(identity, isFull ? { fields: group.fields, key: null } : group, shapes);
  }

  /** The shape with exactly this group appended. */
  with(identity: string, group: Group, shapes: ShapeBudget): GroupShape {
    const at = this.#groups.length;
    if (this.#next === null) {
      this.#groups.push(group);
      this.#place(identity, group, at);
      return this;
    }
    const known = this.#next.get(identity)?.get(group.key);
    if (known !== undefined) return known;
    const isShared = at + 1 < sharedGroupsMax && shapes.shared < sharedShapesMax;
    const grown = new GroupShape([...this.#groups, group], isShared);
    if (!isShared) return grown;
    shapes.shared += 1;
    let byKey = this.#next.get(identity);
    if (byKey === undefined) {
      byKey = new Map();
      this.#next.set(identity, byKey);
    }
    byKey.set(group.key, grown);
    return grown;
  }

  #place(identity: string, { key }: Group, at: number): void {
    let places = this.#places.get(identity);
    if (places === undefined) {
      places = new Map();
      this.#places.set(identity, places);
    }
    places.set(key, at);
  }
}

/** Counts the shapes that a state shares. */
export interface ShapeBudget {
  shared: number;
}

/** Tells group-by entries with equal fields from others. */
export function groupByIdentity(fields: readonly string[]): string {
  return fields.length === 1 ? `1${fields[0]}` : JSON.stringify(fields);
}
