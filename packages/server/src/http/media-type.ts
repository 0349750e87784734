// Media types: what a body says it is, and which of the offered forms a caller would like best.
// Parsed Content-Type headers are kept in a small bounded table, since callers repeat them.

export interface MediaType {
  /** Lower case, without parameters. */
  readonly type: string;
  /** Lower case; undefined when not given. */
  readonly charset: string | undefined;
}

const parsedMax = 256;
const parsed = new Map<string, MediaType | undefined>();

/** A Content-Type header, or undefined when it is none (RFC 9110 section 8.3.1). */
export function parseMediaType(header: string): MediaType | undefined {
  if (parsed.has(header)) return parsed.get(header);
  const mediaType = readMediaType(header);
  if (parsed.size >= parsedMax) parsed.clear();
  if (header.length <= 200) parsed.set(header, mediaType);
  return mediaType;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const typePattern = new RegExp(`^(${token}/${token})[ \\t]*`);
const parameterPattern = new RegExp(
  `^;[ \\t]*(?:(${token})=(?:(${token})|"((?:[^"\\\\]|\\\\.)*)")[ \\t]*)?`,
);

function readMediaType(header: string): MediaType | undefined {
  const type = typePattern.exec(header);
  if (type?.[1] === undefined) return undefined;
  let rest = header.slice(type[0].length);
  let charset: string | undefined;
  while (rest !== "") {
    const parameter = parameterPattern.exec(rest);
    if (parameter === null) return undefined;
    if (parameter[1]?.toLowerCase() === "charset") {
      if (charset !== undefined) return undefined;
      charset = (parameter[2] ?? parameter[3] ?? "").toLowerCase();
    }
    rest = rest.slice(parameter[0].length);
  }
  return { type: type[1].toLowerCase(), charset };
}

/**
 * The offered media type that `accept` ranks highest (RFC 9110 section 12.5.1); the first offered
 * one when there is no header or none fits, since no status of ours says "not acceptable".
 */
export function preferredType<Offer extends string>(
  accept: string | undefined,
  offered: readonly [Offer, ...Offer[]],
): Offer {
  if (accept === undefined) return offered[0];
  const ranges = accept.split(",", 64).map(readRange);
  let best = offered[0];
  let bestQuality = 0;
  for (const offer of offered) {
    const quality = qualityOf(offer, ranges);
    if (quality > bestQuality) {
      best = offer;
      bestQuality = quality;
    }
  }
  return best;
}

interface Range {
  readonly type: string;
  readonly quality: number;
}

function readRange(text: string): Range {
  const [type = "", ...parameters] = text.split(";", 16).map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
  const isQuality = quality !== undefined && /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(quality);
  return { type, quality: quality === undefined ? 1 : isQuality ? Number(quality) : 0 };
}

/** The most specific range that names the type decides. */
function qualityOf(offer: string, ranges: readonly Range[]): number {
  const family = `${offer.slice(0, offer.indexOf("/"))}/*`;
  for (const name of [offer, family, "*/*"]) {
    const range = ranges.find((candidate) => candidate.type === name);
    if (range !== undefined) return range.quality;
  }
  return 0;
}
