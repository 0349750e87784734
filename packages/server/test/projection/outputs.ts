// Outputs for the projection's tests, with every field given a default, and projections in
// folders of their own that vanish after each test.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import type {
  CorrectionOutput,
  CorrectionSupersededOutput,
  MeteredRecordOutput,
  MeterListedOutput,
  Position,
} from "../../src/core/output.ts";
import type { Meter } from "../../src/core/state.ts";
import { openProjection, type Projection } from "../../src/projection/database.ts";

const folders: string[] = [];
const opened: Projection[] = [];

afterEach(() => {
  for (const projection of opened.splice(0)) {
    try {
      projection.close();
    } catch {
      // The test has closed it.
    }
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "projection-"));
  folders.push(folder);
  return join(folder, "projection.db");
}

export function open(file: string = newFile()): Projection {
  const projection = openProjection(file);
  opened.push(projection);
  return projection;
}

export function at(seq: number, index = 0): Position {
  return { partition: 0, seq, index };
}

/** The columns that the list of meters reads; the projection looks at nothing else of a meter. */
export interface ListedColumns {
  readonly id: string;
  readonly accountId: string;
  readonly userId: string;
  readonly meterKey: string;
  readonly meterTypeId: string;
  readonly createdAt: number;
}

export function listed(
  columns: Partial<ListedColumns> & { readonly id: string },
): MeterListedOutput {
  const { meterTypeId = "t", ...rest } = columns;
  const shown = { accountId: "a", userId: "u", meterKey: "k", createdAt: 1, ...rest };
  return {
    kind: "meter-listed",
    meter: { ...shown, type: { id: meterTypeId } } as unknown as Meter,
  };
}

export function metered(
  position: Position,
  columns: Partial<MeteredRecordOutput> = {},
): MeteredRecordOutput {
  return {
    kind: "metered-record",
    position,
    accountId: "a",
    meterId: "m",
    meterTypeId: "t",
    meterKey: "k",
    userId: "u",
    periodEnd: 1_000,
    json: `{"recordId":"${position.seq}.${position.index}"}`,
    ...columns,
  };
}

export function correction(
  position: Position,
  columns: Partial<CorrectionOutput> = {},
): CorrectionOutput {
  return {
    kind: "correction",
    position,
    accountId: "a",
    meterKey: "k",
    userId: "u",
    recordId: "r",
    reason: "NO_METER",
    detail: "There is no meter.",
    original: '{"userId":"u"}',
    originalIsBytes: false,
    record: '{"userId":"u"}',
    receivedAt: 1_000,
    ...columns,
  };
}

export function superseded(item: Position, updatedAt: number): CorrectionSupersededOutput {
  return { kind: "correction-superseded", item, updatedAt };
}

/** Texts that break what is put together carelessly. */
export const hostileTexts: readonly string[] = [
  "'; DROP TABLE meters; --",
  '" OR "1"="1',
  "? ?1 :a @a $a",
  "%",
  "_",
  "__proto__",
  "constructor",
  "a\u0000b",
  "a/b",
  "\u{1f600}\u0301",
  "é",
  "e\u0301",
  "1",
  " 1",
  "null",
];
