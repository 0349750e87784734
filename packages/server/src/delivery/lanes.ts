// The lanes of all destinations, kept in step with the definitions: made with a destination, paused
// while it is disabled, removed with it. What a deleted destination leaves in the file goes bit by
// bit.
import type { Destination } from "../core/destination.ts";
import type { EpochMs } from "../core/ports.ts";
import type { DeliveryStore } from "./delivery-store.ts";
import { closeFiles } from "./file-planner.ts";
import { Lane } from "./lane.ts";
import { LaneRotation } from "./lane-rotation.ts";
import type { LaneRow } from "./lane-rows.ts";
import { filterOf } from "./output-filter.ts";
import type { DeliveryWorld } from "./ports.ts";
import { isAfter } from "./prepared.ts";

/** Rows changed in one transaction for housekeeping. */
const stepMax = 500;

export type LaneParts = Pick<
  DeliveryWorld,
  "destinations" | "outputs" | "clock" | "log" | "telemetry"
> & { readonly store: DeliveryStore };

export class Lanes {
  readonly rotation: LaneRotation = new LaneRotation();
  readonly #parts: LaneParts;
  readonly #byId = new Map<string, Lane>();
  /** Rows in the file without a lane. */
  readonly #known = new Map<string, LaneRow>();
  readonly #leaving = new Set<number>();
  #seenChanges = -1;

  constructor(parts: LaneParts) {
    this.#parts = parts;
    for (const row of parts.store.lanes.all()) this.#known.set(row.id, row);
  }

  /** Reads the definitions anew where one has changed. */
  sync(): void {
    const { destinations } = this.#parts;
    const { changes } = destinations;
    if (!this.isStale) return;
    const present = new Set<string>();
    for (const destination of destinations.all()) {
      present.add(destination.id);
      const lane = this.#byId.get(destination.id);
      if (lane === undefined) this.#open(destination);
      else this.#change(lane, destination);
    }
    for (const [id, lane] of this.#byId) if (!present.has(id)) this.#remove(lane);
    for (const { no } of this.#known.values()) this.#leaving.add(no);
    this.#known.clear();
    this.#seenChanges = changes;
  }

  /** A destination has changed since the last `sync`. */
  get isStale(): boolean {
    return this.#parts.destinations.changes !== this.#seenChanges;
  }

  get count(): number {
    return this.#byId.size;
  }

  all(): Iterable<Lane> {
    return this.#byId.values();
  }

  ofRow(no: number): Lane | undefined {
    for (const lane of this.#byId.values()) if (lane.no === no) return lane;
    return undefined;
  }

  find(destination: Destination): Lane | undefined {
    this.sync();
    return this.#byId.get(destination.id);
  }

  /** New outputs were stored. */
  setBehind(): void {
    for (const lane of this.#byId.values()) lane.isBehind = true;
  }

  get disabledCount(): number {
    let count = 0;
    for (const { destination } of this.#byId.values()) if (!destination.enabled) count += 1;
    return count;
  }

  /** A step of what is left to do after deleting and enabling. False: nothing was. */
  tidy(now: EpochMs): boolean {
    const { store } = this.#parts;
    for (const no of this.#leaving) {
      let isMore = false;
      store.transaction(() => {
        isMore = store.lanes.removeSome(no, stepMax);
      });
      if (!isMore) this.#leaving.delete(no);
      return true;
    }
    for (const lane of this.#byId.values()) {
      if (!lane.isOpen || lane.destination.enabledAt <= lane.row.enabledAt) continue;
      this.#hasten(lane, now);
      return true;
    }
    return false;
  }

  #open(destination: Destination): void {
    const { store, outputs } = this.#parts;
    const known = this.#known.get(destination.id);
    const row = known ?? store.lanes.add(destination, outputs.newest().partition);
    this.#known.delete(destination.id);
    const lane = new Lane(row, destination);
    this.#byId.set(destination.id, lane);
    this.rotation.add(lane);
  }

  #change(lane: Lane, destination: Destination): void {
    const was = lane.destination;
    if (was === destination) return;
    this.#finishAs(was, lane);
    lane.destination = destination;
    lane.isBehind = true;
    const { disabledReason: reason, id: destinationId } = destination;
    if (!was.enabled || destination.enabled || reason === null || reason === "REQUESTED") return;
    this.#parts.log.warn({ destinationId, reason }, "destination disabled");
    this.#parts.telemetry.destinationDisabled({ reason });
  }

  /**
   * What was made before a change is settled as it was: gathered outputs become files, and where
   * nothing waits, the cursor goes past what the destination did not want then.
   */
  #finishAs(was: Destination, lane: Lane): void {
    const { store, outputs, clock } = this.#parts;
    if (lane.gathering !== null) closeFiles(lane, lane.gathering, { now: clock.now(), store });
    const { cursor } = lane.row;
    const newest = outputs.newest();
    const { scannedTo } = outputs.after(filterOf(was), { after: cursor, limit: 1 });
    if (isAfter(scannedTo, cursor) || !isAfter(newest, cursor)) return;
    store.lanes.moveCursor(lane.no, newest);
    lane.row = { ...lane.row, cursor: newest };
  }

  #remove(lane: Lane): void {
    lane.isRemoved = true;
    this.rotation.remove(lane);
    this.#byId.delete(lane.destination.id);
    this.#leaving.add(lane.no);
    for (const cancel of lane.inFlight.values()) cancel.abort();
  }

  /** What waited for a later attempt is due when its destination is enabled. */
  #hasten(lane: Lane, now: EpochMs): void {
    const { store } = this.#parts;
    const { enabledAt } = lane.destination;
    const last = store.rows.hasten(lane.no, lane.hastenedTo, { now, most: stepMax });
    lane.forgetReady();
    lane.hastenedTo = last ?? 0;
    if (last !== null) return;
    store.lanes.setEnabledAt(lane.no, enabledAt);
    lane.row = { ...lane.row, enabledAt };
  }
}
