// Turns a webhook's host into addresses that may be connected to, at the moment of connecting, so
// that no answer of a name server can change between check and use. Refuses a name as a whole when
// one of its addresses is refused. Public names are asked for over the network without occupying
// the thread pool, which tokens and files need.
import { promises as dns } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { addressFault } from "./address-guard.ts";

export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** All addresses of a name. Rejects with an error of node:dns. */
export type Resolve = (host: string) => Promise<readonly ResolvedAddress[]>;

/** The address of a webhook is none that it may have; the text is a sentence for its owner. */
export class RefusedAddressError extends Error {
  override readonly name = "RefusedAddressError";
}

/** Addresses of a name that are tried at most. */
const addressesMax = 8;
/** A name server gets this long, twice. */
const queryTimeoutMs = 2_500;

/** How the system that development runs on resolves names: its hosts file and search domains. */
const resolveLikeSystem: Resolve = async (host) => {
  const found = await dns.lookup(host, { all: true });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
};

/** By name servers alone. */
function createPublicResolve(): Resolve {
  const resolver = new dns.Resolver({ timeout: queryTimeoutMs, tries: 2 });
  return async (host) => {
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    const [four, six] = answers;
    const found: ResolvedAddress[] = [];
    if (four.status === "fulfilled") {
      for (const address of four.value) found.push({ address, family: 4 });
    }
    if (six.status === "fulfilled") {
      for (const address of six.value) found.push({ address, family: 6 });
    }
    if (found.length === 0 && four.status === "rejected") throw four.reason;
    return found;
  };
}

export function createResolve(allowPrivate: boolean): Resolve {
  return allowPrivate ? resolveLikeSystem : createPublicResolve();
}

/**
 * A `lookup` for sockets that gives only addresses which may be reached. Sockets do not look up a
 * host that is an address already: `assertLiteral` is for those.
 */
export function guardedLookup(resolve: Resolve, allowPrivate: boolean): LookupFunction {
  return (host, { all }, callback) => {
    checked(host, resolve, allowPrivate).then(
      (addresses) => {
        const first = addresses[0];
        if (first === undefined) {
          const error = new RefusedAddressError("The host name has no address.");
          callback(error, "", 0);
        } else if (all === true) {
          callback(null, [...addresses]);
        } else {
          callback(null, first.address, first.family);
        }
      },
      (error: NodeJS.ErrnoException) => callback(error, "", 0),
    );
  };
}

/** Throws `RefusedAddressError` when the host is an address that may not be reached. */
export function assertLiteral(host: string, allowPrivate: boolean): void {
  const fault = isIP(host) === 0 ? null : addressFault(host, allowPrivate);
  if (fault !== null) throw new RefusedAddressError(`The host ${fault}; webhooks cannot reach it.`);
}

/** The addresses themselves are not told: they may be of a network that the caller cannot see. */
async function checked(
  host: string,
  resolve: Resolve,
  allowPrivate: boolean,
): Promise<readonly ResolvedAddress[]> {
  const found = await resolve(host);
  for (const { address } of found) {
    const fault = addressFault(address, allowPrivate);
    if (fault === null) continue;
    const what = fault.replace(/^is /, "");
    throw new RefusedAddressError(
      `The host name resolves to ${what}, which webhooks cannot reach.`,
    );
  }
  return found.slice(0, addressesMax);
}
