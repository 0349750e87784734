// Time-zone rules in production: the zone data built into Node, through Temporal. The only file
// that knows of Temporal. It answers with spans of constant offset, kept once computed, so that
// Temporal is asked about twice a year and not at each boundary.
import type { EpochMs, Zone, ZoneSpan, Zones } from "../core/ports.ts";
import { instantMax } from "../core/time.ts";

/** Letters of the longest name in the zone data are 32; the rest is room for new ones. */
const nameCharactersMax = 64;
/** Kept spans of one zone: more than 400 years of two changes a year. Beyond it all are dropped. */
const spansKeptMax = 1_024;
const namePattern = /^[A-Za-z][A-Za-z0-9_+/-]*$/;

/** All zones and links of the zone data that Node carries. Answers never change while it runs. */
export function createTemporalZones(): Zones {
  // Bounded by the number of names in the zone data: what does not resolve is not kept.
  const zones = new Map<string, Zone>();
  return {
    get(name: string): Zone | undefined {
      const known = zones.get(name);
      if (known !== undefined) return known;
      if (!isZoneName(name)) return undefined;
      const zone = createZone(name);
      zones.set(name, zone);
      return zone;
    },
  };
}

/**
 * Whether a name is in the zone data exactly as spelled (RS21). Temporal also
 * resolves offsets and other letter case; the pattern refuses the first, the echo the second.
 */
function isZoneName(name: string): boolean {
  if (name.length > nameCharactersMax || !namePattern.test(name)) return false;
  try {
    return zonedAt(name, 0).timeZoneId === name;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function createZone(id: string): Zone {
  // Ascending by start, without overlap; not necessarily adjacent.
  let spans: ZoneSpan[] = [];
  let latest = readSpan(id, 0);
  return {
    id,
    spanAt(instant: EpochMs): ZoneSpan {
      if (instant >= latest.start && instant < latest.end) return latest;
      const index = firstEndingAfter(spans, instant);
      const kept = spans[index];
      if (kept !== undefined && kept.start <= instant) {
        latest = kept;
      } else {
        latest = readSpan(id, instant);
        if (spans.length >= spansKeptMax) spans = [latest];
        else spans.splice(index, 0, latest);
      }
      return latest;
    },
  };
}

function firstEndingAfter(spans: readonly ZoneSpan[], instant: EpochMs): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((spans[middle]?.end ?? Infinity) > instant) high = middle;
    else low = middle + 1;
  }
  return low;
}

function readSpan(id: string, instant: EpochMs): ZoneSpan {
  const at = zonedAt(id, instant);
  // "previous" means strictly before, and changes happen at whole seconds: asked from a millisecond
  // later it also finds a change at `instant` itself.
  const justAfter = zonedAt(id, Math.min(instant + 1, instantMax));
  const previous = justAfter.getTimeZoneTransition("previous");
  return {
    start: previous?.epochMilliseconds ?? -Infinity,
    end: at.getTimeZoneTransition("next")?.epochMilliseconds ?? Infinity,
    offsetMs: at.offsetNanoseconds / 1e6,
  };
}

function zonedAt(id: string, instant: EpochMs): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(id);
}
