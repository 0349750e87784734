// What entry `seq` of an imagined journal made: for each entry one meter, two metered records, two
// items, and, from the second on, the close of the item before and the end of the meter before.
import type { Output } from "../../src/core/output.ts";
import { listedMeter } from "./listed-meter.ts";

export function outputsOfEntry(seq: number): readonly Output[] {
  const position = (index: number): { partition: number; seq: number; index: number } => ({
    partition: 0,
    seq,
    index,
  });
  const common = { accountId: "a", meterKey: "k", userId: `u${seq % 7}` };
  const meter = { ...common, id: `m${seq}`, meterTypeId: `t${seq % 3}`, createdAt: seq };
  const record = { ...common, meterId: meter.id, meterTypeId: meter.meterTypeId, periodEnd: seq };
  const item = {
    ...common,
    recordId: `r${seq}`,
    reason: "NO_METER",
    detail: "There is no meter.",
    original: "{}",
    originalIsBytes: false,
    record: "{}",
    receivedAt: seq,
  };
  const outputs: Output[] = [
    { kind: "meter-listed", meter: listedMeter(meter) },
    { kind: "metered-record", position: position(0), ...record, json: `[${seq},0]` },
    { kind: "correction", position: position(1), ...item },
    { kind: "metered-record", position: position(2), ...record, json: `[${seq},2]` },
    { kind: "correction", position: position(3), ...item, reason: "INVALID_VALUE" },
  ];
  if (seq === 1) return outputs;
  const before = { partition: 0, seq: seq - 1, index: 1 };
  return [
    ...outputs,
    { kind: "correction-superseded", item: before, updatedAt: seq },
    { kind: "meter-unlisted", meterId: `m${seq - 1}` },
  ];
}
