import { BlockList, isIP } from "node:net";
import { ConfigError } from "../../../core/errors.ts";

/**
 * What is not a public address: IANA's special-purpose registries for IPv4 and IPv6 (RFC 6890 and what followed), and what
 * carries an IPv4 address inside an IPv6 one, for a translator on the way would turn it back into a private one.
 */
const NOT_PUBLIC: readonly string[] = [
  // IPv4
  "0.0.0.0/8", // this network
  "10.0.0.0/8", // private
  "100.64.0.0/10", // shared by carriers (CGNAT), and the metadata service of one cloud
  "127.0.0.0/8", // loopback
  "169.254.0.0/16", // link-local, and the metadata services of most clouds
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocol assignments, and the metadata service of one cloud
  "192.0.2.0/24", // documentation
  "192.31.196.0/24", // AS112
  "192.52.193.0/24", // AMT
  "192.88.99.0/24", // 6to4 relays
  "192.168.0.0/16", // private
  "192.175.48.0/24", // AS112
  "198.18.0.0/15", // benchmarks
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, and broadcast
  "168.63.129.16/32", // the host of virtual machines in one cloud, though public by its number
  // IPv6
  "::/96", // unspecified, loopback, and IPv4-compatible
  "::ffff:0:0:0/96", // IPv4-translated
  "64:ff9b::/96", // NAT64
  "64:ff9b:1::/48", // NAT64, local use
  "100::/64", // discard
  "100:0:0:1::/64", // dummy prefix
  "2001::/23", // protocol assignments, Teredo, ORCHID
  "2001:db8::/32", // documentation
  "2002::/16", // 6to4
  "2620:4f:8000::/48", // AS112
  "3fff::/20", // documentation
  "5f00::/16", // segment routing
  "fc00::/7", // unique local, and metadata services
  "fe80::/10", // link-local
  "fec0::/10", // site-local
  "ff00::/8", // multicast
];

/** All of it, as the list that `net.connect` checks at connect time. IPv4-mapped addresses count as the IPv4 ones in them. */
export const notPublic: BlockList = blockListOf(NOT_PUBLIC, "egress");

/**
 * The ranges of a list such as `["10.1.0.0/16", "192.168.7.5"]`.
 *
 * @throws ConfigError that names `path` for what is neither an address nor a range.
 */
export function blockListOf(ranges: readonly string[], path: string): BlockList {
  const list = new BlockList();
  for (const [index, range] of ranges.entries()) {
    const [address = "", bits, ...rest] = range.split("/");
    const version = isIP(address);
    const longest = version === 4 ? 32 : 128;
    const prefix = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
    if (version === 0 || rest.length > 0 || !(prefix <= longest)) {
      throw new ConfigError({
        path: `${path}[${index}]`,
        message: `${path}[${index}] is ${JSON.stringify(range)}; give an address or a range, such as "10.1.0.0/16"`,
      });
    }
    list.addSubnet(address, prefix, version === 4 ? "ipv4" : "ipv6");
  }
  return list;
}

/** Whether a list holds an address; what is no address is held by none. */
export function holds(list: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && list.check(address, version === 4 ? "ipv4" : "ipv6");
}

/** Whether an address may be reached by whoever is not trusted: it is public, or the operator has allowed its range. */
export function isPublic(address: string, allowed?: BlockList): boolean {
  if (isIP(address) === 0) return false;
  return (allowed !== undefined && holds(allowed, address)) || !holds(notPublic, address);
}
