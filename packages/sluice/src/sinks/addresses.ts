import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";

/**
 * Why a sink must not connect to this address, in words that follow it ("is in a private network"); undefined
 * if it may. A name is no address, and may be looked up.
 */
export type AddressGuard = (address: string) => string | undefined;

/** A connection that was not made, because its address is none that this sink may reach. */
export class AddressRefused extends Error {
  constructor(host: string, address: string, why: string) {
    const which = host === address ? address : `${address}, the address of ${host},`;
    const network = `${address}/${address.includes(":") ? 128 : 32}`;
    super(`${which} ${why} and is not connected to; if that is meant, allow = ["${network}"] permits it`);
  }
}

interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: "ipv4" | "ipv6";
}

const THIS_MACHINE = "is this machine";
const PRIVATE = "is in a private network";
const LINK_LOCAL = "is link-local, where clouds keep their metadata";
const EXAMPLE = "is for documentation only";
const HIDES_IPV4 = "stands for an IPv4 address";

/** IANA's special-purpose registries, without what is reachable for everybody. The first that fits speaks. */
const SPECIAL: readonly (readonly [what: string, ...networks: string[]])[] = [
  ["is unspecified, so this machine,", "0.0.0.0/8", "::/128"],
  [THIS_MACHINE, "127.0.0.0/8", "::1/128"],
  [PRIVATE, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"],
  [LINK_LOCAL, "169.254.0.0/16", "fe80::/10"],
  ["is in a provider's shared network (CGNAT)", "100.64.0.0/10"],
  // A public address in form only: every virtual machine of that cloud has its agent's server behind it.
  ["is a cloud's own service", "168.63.129.16/32"],
  ["is for benchmarks only", "198.18.0.0/15", "2001:2::/48"],
  [EXAMPLE, "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"],
  [HIDES_IPV4, "192.88.99.0/24", "2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0/96"],
  ["is multicast", "224.0.0.0/4", "ff00::/8"],
  ["is reserved", "192.0.0.0/24", "240.0.0.0/4", "2001::/23"],
];

/** All that has ever been given out of IPv6. Whatever else there may be is not for us to reach. */
const PUBLIC_IPV6 = networkSet(["2000::/3"]);

const special = SPECIAL.map(([what, ...networks]) => ({ what, includes: networkSet(networks) }));

/**
 * Lets through public addresses and the networks in `allow`, and nothing else: what a receiver's name points
 * to is the receiver's to say, and must not reach what only this machine can. `own` are the addresses of this
 * machine, asked for each time, since they change.
 */
export function createAddressGuard(allow: readonly string[], own = systemAddresses): AddressGuard {
  const isAllowed = networkSet(allow);
  return (address) => {
    const family = isIP(address);
    if (family === 0 || isAllowed(address)) return undefined;
    const known = special.find(({ includes }) => includes(address));
    if (known) return known.what;
    if (own().includes(address)) return THIS_MACHINE;
    return family === 6 && !PUBLIC_IPV6(address) ? "is in no public network" : undefined;
  };
}

/** `10.0.0.0/8`, or one address; undefined for what is neither. */
export function parseNetwork(text: string): Network | undefined {
  const [address = "", prefixText, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || address.includes("%") || rest.length > 0) return undefined;
  const bits = version === 4 ? 32 : 128;
  const prefix = prefixText === undefined ? bits : Number(/^\d{1,3}$/.exec(prefixText)?.[0] ?? Number.NaN);
  return prefix <= bits ? { address, prefix, family: version === 4 ? "ipv4" : "ipv6" } : undefined;
}

/**
 * One list for each family: a BlockList takes ::/0 for all of IPv4 as well, and 10.0.0.0/8 for the IPv6
 * addresses that stand for it.
 */
function networkSet(networks: readonly string[]): (address: string) => boolean {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const text of networks) {
    const network = parseNetwork(text);
    if (!network) throw new TypeError(`not a network: ${text}`);
    lists[network.family].addSubnet(network.address, network.prefix, network.family);
  }
  return (address) => {
    const family = isIP(address) === 4 ? "ipv4" : "ipv6";
    return lists[family].check(address, family);
  };
}

function systemAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? []);
}
