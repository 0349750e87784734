// What callers ask of the engine: an entry without the parts that the engine adds when it knows the
// entry's time, the boundaries of periods.
import type {
  CreateMeterType,
  EntryBody,
  PatchMeterType,
  Usage,
  WorkCorrections,
} from "../core/entry.ts";
import type { PositionRows } from "../core/position-list.ts";

export type Command =
  | Exclude<
      EntryBody,
      {
        readonly kind:
          | "usage"
          | "create-meter-type"
          | "patch-meter-type"
          | "end-periods"
          | "extend-timetables"
          | "replan";
      }
    >
  | Omit<CreateMeterType, "boundaries">
  | Omit<PatchMeterType, "timetables">
  | Usage;

/**
 * Commands that are planned or were validated against the present state: nothing else may stand
 * before them in their group, so that they meet the state they were read against.
 */
export function isBarrier(command: Command): boolean {
  return (
    command.kind === "patch-meter-type" ||
    command.kind === "patch-meter" ||
    command.kind === "patch-processor"
  );
}

/** Rough bytes of a command in memory and in the journal, for the bounds of queue and group. */
export function commandBytes(command: Command | EntryBody): number {
  if (command.kind === "usage") return 100 + command.body.text.length;
  if (command.kind === "create-meters") return 100 + command.meters.length * 400;
  if (command.kind === "start-correction-action") return 4_000 + placesIn(command.items) * 12;
  if (command.kind === "work-corrections") return 100 + textsIn(command.items);
  if (command.kind === "expire-corrections") return 100 + command.items.length * 200;
  return 4_000;
}

function placesIn(rows: PositionRows): number {
  return rows.reduce((sum, row) => sum + row.length, 0);
}

function textsIn(items: WorkCorrections["items"]): number {
  return items.reduce((sum, item) => sum + 200 + (item?.record?.length ?? 0), 0);
}
