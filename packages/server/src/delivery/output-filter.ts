// Which outputs a destination wants, in the words of the reader of outputs: the kinds behind
// `reset` and `threshold`, and the processors' keys.
import type { Destination } from "../core/destination.ts";
import type { DeliveredKind, OutputFilter } from "./ports.ts";

const kindOfOutput: Readonly<Record<Destination["outputs"][number], DeliveredKind>> = {
  reset: "metered-record",
  threshold: "threshold-event",
};

export function filterOf({ accountId, outputs, meterKeys }: Destination): OutputFilter {
  return { accountId, kinds: outputs.map((output) => kindOfOutput[output]), meterKeys };
}
