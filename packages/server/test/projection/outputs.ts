// Outputs for the projection's tests, with every field given a default, and projections in
// folders of their own that vanish after each test.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import type {
  AuditOutput,
  CorrectionOutput,
  CorrectionSupersededOutput,
  MeteredRecordOutput,
  MeterListedOutput,
  Position,
} from "../../src/core/output.ts";
import { openProjection, type Projection } from "../../src/projection/database.ts";
import { noFigures } from "../support/audit-model.ts";
import { type ListedColumns, listedMeter } from "./listed-meter.ts";

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

export function listed({
  id,
  ...columns
}: Partial<ListedColumns> & Pick<ListedColumns, "id">): MeterListedOutput {
  const names = { accountId: "a", userId: "u", meterKey: "k", meterTypeId: "t", createdAt: 1 };
  return { kind: "meter-listed", meter: listedMeter({ ...names, ...columns, id }) };
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

/** One usage request with one record that was counted, unless told otherwise. */
export function auditFact(
  seq: number,
  time: number,
  columns: Partial<AuditOutput> = {},
): AuditOutput {
  return {
    kind: "audit",
    position: at(seq, 7),
    accountId: "a",
    meterKey: "k",
    event: "ingest",
    at: time,
    figures: { ...noFigures, requests: 1, received: 1, counted: 1 },
    rejectedByReason: new Map(),
    discarded: null,
    ...columns,
  };
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
