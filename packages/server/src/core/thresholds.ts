// Capacity and thresholds as callers say them, for meter types and meters alike (D-19, D-20, D-34).
// A threshold that could never be reached is refused, and so is taking away the capacity that
// remaining percentages are taken of. Crossings are not judged here.
import type { Decimal } from "./decimal.ts";
import {
  type FieldReader,
  fault,
  inside,
  isWhole,
  type Place,
  readParts,
} from "./definition-reader.ts";
import type { Threshold } from "./definitions.ts";
import { absentOrNull, customFields, listOf, optional, positiveAmount, text } from "./fields.ts";
import { isJsonObject, type JsonObject, type JsonValue, member } from "./json-value.ts";
import {
  nameCharactersMax,
  thresholdCustomFieldsBytesMax,
  thresholdsPerTypeMax,
} from "./limits.ts";

/** Highest percentage of capacity, so that overuse can be signalled (D-19). */
const capacityPercentageMax = 1_000;

export interface CapacityAndThresholds {
  readonly capacity: Decimal | null;
  readonly thresholds: readonly Threshold[];
}

/** Greater than 0; how null and absence are taken is for the form to say. */
export const capacity: FieldReader<Decimal> = positiveAmount();

/** 0 to 20 thresholds with names that differ. */
export const thresholds: FieldReader<readonly Threshold[]> = (value, at) => {
  const read = thresholdList(value, at);
  return namesDiffer(value, at) ? read : undefined;
};

/**
 * Percentages need a capacity, judged on what a change leaves: `sent` is the body, `parts` what was
 * read of it, `current` what stands where nothing was sent.
 */
export function checkCapacity(
  change: { readonly sent: JsonObject; readonly parts: Partial<CapacityAndThresholds> },
  current: CapacityAndThresholds,
  at: Place,
): void {
  const { sent, parts } = change;
  const capacityIsSent = member(sent, "capacity") !== undefined;
  // A capacity that cannot be read has its own fault; nothing can be said about the percentages.
  if ((capacityIsSent ? parts.capacity : current.capacity) !== null) return;
  const sentThresholds = member(sent, "thresholds");
  if (sentThresholds !== undefined) {
    for (const [index, threshold] of elements(sentThresholds).entries()) {
      if (!isJsonObject(threshold)) continue;
      if (member(threshold, "capacityPercentage") === undefined) continue;
      const place = inside(inside(inside(at, "thresholds"), index), "capacityPercentage");
      fault(place, "needs a capacity to be a percentage of; give capacity or use absoluteValue");
    }
    return;
  }
  const inTheWay = current.thresholds.find((threshold) => threshold.capacityPercentage !== null);
  if (inTheWay === undefined) return;
  const reason = `threshold "${inTheWay.name}" is a percentage of it`;
  fault(inside(at, "capacity"), `cannot be removed while ${reason}; replace thresholds too`);
}

const thresholdForm = {
  name: "a threshold",
  members: {
    name: text({ min: 1, max: nameCharactersMax }),
    capacityPercentage: optional(positiveAmount(capacityPercentageMax), null),
    absoluteValue: optional(positiveAmount(), null),
    customFields: absentOrNull(customFields({ bytesMax: thresholdCustomFieldsBytesMax }), null),
  },
};

const threshold: FieldReader<Threshold> = (value, at) => {
  const parts = readParts<Threshold>(value, at, thresholdForm);
  if (parts === undefined || !isJsonObject(value)) return undefined;
  const hasPercentage = member(value, "capacityPercentage") !== undefined;
  const hasAbsolute = member(value, "absoluteValue") !== undefined;
  if (hasPercentage === hasAbsolute) {
    return fault(at, "must have exactly one of capacityPercentage and absoluteValue");
  }
  return isWhole(parts, thresholdForm) ? parts : undefined;
};

const thresholdList = listOf(threshold, {
  min: 0,
  max: thresholdsPerTypeMax,
  noun: "thresholds",
});

/** Judged on the names as sent, so that other faults of the same threshold do not hide it. */
function namesDiffer(value: JsonValue | undefined, at: Place): boolean {
  const seen = new Set<string>();
  let differ = true;
  for (const [index, element] of elements(value).entries()) {
    const name = isJsonObject(element) ? member(element, "name") : undefined;
    if (typeof name !== "string" || name.trim() === "") continue;
    if (seen.has(name.trim())) {
      fault(inside(inside(at, index), "name"), "is the name of an earlier threshold");
      differ = false;
    }
    seen.add(name.trim());
  }
  return differ;
}

/** The elements that are judged: none of an array beyond its bound, which is the fault to mend. */
function elements(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) && value.length <= thresholdsPerTypeMax ? value : [];
}
