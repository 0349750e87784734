// Computes with zone rules what the core may not know: the boundaries at which periods end. Every
// timetable reaches beyond the time of the next entry before that entry is journaled.
import type { ResetSchedule } from "../core/definitions.ts";
import type { EntryBody, ExtendTimetables, Replan, Timetable } from "../core/entry.ts";
import type { EpochMs, Zones } from "../core/ports.ts";
import { assert } from "../core/problem.ts";
import { boundariesAfter, compileSchedule } from "../core/schedule.ts";
import type { MeterType, State } from "../core/state.ts";
import { coveredUntil, latestVersion } from "../core/timetable.ts";
import type { Command } from "./command.ts";

/** Boundaries computed ahead in one go: an hour of a minutely schedule, years of a monthly one. */
const boundariesAhead = 64;
/** Boundaries after which an entry takes no further timetable, and most of one timetable in it. */
const boundariesPerEntryMax = 50_000;

export class Planner {
  readonly #state: State;
  readonly #zones: Zones;
  /** No timetable runs out before this instant; null when it must be looked up again. */
  #coveredUntil: EpochMs | null = null;

  constructor(state: State, zones: Zones) {
    this.#state = state;
    this.#zones = zones;
  }

  /** To be told of every change that may have touched timetables. */
  forget(): void {
    this.#coveredUntil = null;
  }

  /** The entry that the journal gets for a command at this time. */
  complete(command: Command, now: EpochMs): EntryBody {
    if (command.kind === "create-meter-type") {
      const { resetSchedule, timezone } = command.fields;
      return { ...command, boundaries: this.#ahead(resetSchedule, timezone, now) };
    }
    if (command.kind === "patch-meter-type") {
      return { ...command, timetables: this.#patched(command, now) };
    }
    return command;
  }

  /**
   * What must be journaled before an entry of this time can be, or null. After a long stop one
   * entry may not be enough; ask again when it has been applied.
   */
  extension(now: EpochMs): ExtendTimetables | null {
    if (this.#coveredUntil !== null && now < this.#coveredUntil) return null;
    const timetables: ExtendTimetables["timetables"][number][] = [];
    let covered = Number.POSITIVE_INFINITY;
    let room = boundariesPerEntryMax;
    for (const type of this.#state.meterTypes.values()) {
      for (const [timezone, timetable] of type.timetables) {
        const last = coveredUntil(timetable);
        if (last > now) {
          covered = Math.min(covered, last);
          continue;
        }
        if (room <= 0) break;
        // Without a meter no period is open that could need what was missed.
        const after = type.numberOfMeters === 0 ? now : last;
        const boundaries = this.#through(type.resetSchedule, timezone, { after, now });
        timetables.push({ meterTypeId: type.id, timezone, boundaries });
        room -= boundaries.length;
      }
    }
    if (timetables.length > 0) return { kind: "extend-timetables", timetables };
    this.#coveredUntil = covered;
    return null;
  }

  /**
   * Where zone rules changed since the boundaries were computed (C12): one entry for each meter
   * type whose future boundaries differ.
   */
  replans(now: EpochMs): readonly Replan[] {
    const replans: Replan[] = [];
    for (const type of this.#state.meterTypes.values()) {
      const timetables = [...type.timetables].flatMap(([timezone, timetable]): Timetable[] => {
        const future = latestVersion(timetable).boundaries.filter((boundary) => boundary > now);
        if (future.length === 0) return [];
        const limit = { after: now, countMax: future.length };
        const boundaries = this.#boundaries(type.resetSchedule, timezone, limit);
        const same = boundaries.every((boundary, at) => boundary === future[at]);
        return same ? [] : [{ timezone, boundaries }];
      });
      if (timetables.length > 0) replans.push({ kind: "replan", meterTypeId: type.id, timetables });
    }
    return replans;
  }

  #patched(
    command: Extract<Command, { kind: "patch-meter-type" }>,
    now: EpochMs,
  ): readonly Timetable[] {
    const type = this.#state.meterTypes.get(command.id);
    if (type === undefined) return [];
    const { resetSchedule = type.resetSchedule, timezone } = command.patch;
    const zones = new Set(timezone === undefined ? [] : [timezone]);
    if (command.patch.resetSchedule !== undefined) addZones(zones, type);
    else for (const known of type.timetables.keys()) zones.delete(known);
    return [...zones].map((zone) => ({
      timezone: zone,
      boundaries: this.#ahead(resetSchedule, zone, now),
    }));
  }

  #ahead(schedule: ResetSchedule, timezone: string, now: EpochMs): readonly EpochMs[] {
    return this.#boundaries(schedule, timezone, { after: now, countMax: boundariesAhead });
  }

  /** Everything missed until now, and some ahead. */
  #through(
    schedule: ResetSchedule,
    timezone: string,
    { after, now }: { after: EpochMs; now: EpochMs },
  ): readonly EpochMs[] {
    const limit = { after, countMax: boundariesPerEntryMax, until: now };
    const missed = this.#boundaries(schedule, timezone, limit);
    if (missed.length >= boundariesPerEntryMax) return missed;
    return [...missed, ...this.#ahead(schedule, timezone, now)];
  }

  #boundaries(
    schedule: ResetSchedule,
    timezone: string,
    limit: { after: EpochMs; countMax: number; until?: EpochMs },
  ): readonly EpochMs[] {
    const zone = this.#zones.get(timezone);
    assert(zone !== undefined, `the zone ${timezone} was known when it was accepted`);
    return boundariesAfter(compileSchedule(schedule), zone, limit);
  }
}

function addZones(zones: Set<string>, type: MeterType): void {
  for (const zone of type.timetables.keys()) zones.add(zone);
}
