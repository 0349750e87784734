// Which network addresses a webhook may reach: public ones only, so that nobody can use the server
// to look into the network that it stands in. Judges addresses, never names: a name is judged by
// what it resolves to, at the moment of connecting.
import { BlockList, isIPv4, isIPv6 } from "node:net";

/** What a range is called in "is a loopback address". */
type Ranges = readonly (readonly [network: string, prefix: number, what: string])[];

/** Everything of IPv4 that is not public unicast (IANA special-purpose registry), and metadata. */
const blockedV4: Ranges = [
  ["0.0.0.0", 8, "an unspecified address"],
  ["10.0.0.0", 8, "a private address"],
  ["100.64.0.0", 10, "a carrier's shared address"],
  ["127.0.0.0", 8, "a loopback address"],
  ["168.63.129.16", 32, "a cloud's metadata address"],
  ["169.254.0.0", 16, "a link-local address"],
  ["172.16.0.0", 12, "a private address"],
  ["192.0.0.0", 24, "a reserved address"],
  ["192.0.2.0", 24, "an address for documentation"],
  ["192.31.196.0", 24, "a reserved address"],
  ["192.52.193.0", 24, "a reserved address"],
  ["192.88.99.0", 24, "a 6to4 relay address"],
  ["192.168.0.0", 16, "a private address"],
  ["192.175.48.0", 24, "a reserved address"],
  ["198.18.0.0", 15, "an address for benchmarks"],
  ["198.51.100.0", 24, "an address for documentation"],
  ["203.0.113.0", 24, "an address for documentation"],
  ["224.0.0.0", 4, "a multicast address"],
  ["240.0.0.0", 4, "a reserved address"],
];

/** Within 2000::/3, outside of which nothing is public. */
const blockedV6: Ranges = [
  ["2001::", 23, "a reserved or tunnel address"],
  ["2001:db8::", 32, "an address for documentation"],
  ["2002::", 16, "a 6to4 address"],
  ["2620:4f:8000::", 48, "a reserved address"],
  ["3fff::", 20, "an address for documentation"],
];

/** Names for what lies outside of 2000::/3. */
const namedV6: Ranges = [
  ["::", 128, "an unspecified address"],
  ["::1", 128, "a loopback address"],
  ["::ffff:0:0", 96, "an IPv4 address in IPv6 form"],
  ["64:ff9b::", 96, "a NAT64 address"],
  ["64:ff9b:1::", 48, "a NAT64 address"],
  ["fc00::", 7, "a private address"],
  ["fe80::", 10, "a link-local address"],
  ["ff00::", 8, "a multicast address"],
];

/** What development allows besides: this machine and the networks that people use at home. */
const allowedForDevelopment: Ranges = [
  ["127.0.0.0", 8, ""],
  ["10.0.0.0", 8, ""],
  ["172.16.0.0", 12, ""],
  ["192.168.0.0", 16, ""],
  ["::1", 128, ""],
  ["fc00::", 7, ""],
];

/** A private range, yet where clouds answer for the machine: never allowed. */
const metadataV6: Ranges = [["fd00:ec2::", 32, "a cloud's metadata address"]];

/**
 * Null when a webhook may connect to this address, else why not: "is a loopback address". Anything
 * but a plain IPv4 or IPv6 address is refused, one with a zone (`%eth0`) too. `allowPrivate` lets
 * loopback and private networks pass, never link-local, metadata, multicast or embedded addresses.
 */
export function addressFault(address: string, allowPrivate = false): string | null {
  const family = isIPv4(address) ? "ipv4" : "ipv6";
  if (family === "ipv6" && (!isIPv6(address) || address.includes("%"))) {
    return "is no plain IP address";
  }
  if (family === "ipv6" && metadata.check(address, family)) return "is a cloud's metadata address";
  if (allowPrivate && isPlainIn(development, address, family)) return null;
  const named = nameIn(family === "ipv4" ? v4 : v6, address, family);
  if (named !== null) return `is ${named}`;
  if (family === "ipv4" || globalUnicast.check(address, family)) return null;
  return "is not a public address";
}

type Family = "ipv4" | "ipv6";
type Tables = readonly (readonly [list: BlockList, what: string])[];

const v4: Tables = tablesOf(blockedV4);
const v6: Tables = tablesOf([...namedV6, ...blockedV6]);
const metadata: BlockList = listOf(metadataV6);
const development: BlockList = listOf(allowedForDevelopment);
const globalUnicast: BlockList = listOf([["2000::", 3, ""]]);

function nameIn(tables: Tables, address: string, family: Family): string | null {
  return tables.find(([list]) => list.check(address, family))?.[1] ?? null;
}

/** A BlockList finds the IPv4 address in a mapped one; here the mapped form stays refused. */
function isPlainIn(list: BlockList, address: string, family: Family): boolean {
  const isMapped = family === "ipv6" && mapped.check(address, family);
  return !isMapped && list.check(address, family);
}

const mapped: BlockList = listOf([["::ffff:0:0", 96, ""]]);

function tablesOf(ranges: Ranges): Tables {
  return ranges.map((range) => [listOf([range]), range[2]] as const);
}

function listOf(ranges: Ranges): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of ranges) {
    list.addSubnet(network, prefix, isIPv4(network) ? "ipv4" : "ipv6");
  }
  return list;
}
