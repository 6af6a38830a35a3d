/**
 * Which addresses an API may live at: looked at where a connection is made, on what the name resolved to, so that a name that
 * changes its mind between check and use gains nothing.
 *
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry and …/iana-ipv6-special-registry for what is not public
 */
import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/**
 * `any`: wherever the host's name leads, private addresses too. `public`: only addresses of the public internet. A list: only these networks,
 * as CIDRs (`10.20.0.0/16`, `fd00::/8`) or single addresses.
 */
export type Addresses = 'any' | 'public' | readonly string[];

export interface AddressRule {
  readonly allows: (address: string) => boolean;
}

const SPECIAL_IPV4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const;

/** Special ones inside of 2000::/3, the only space that is public: protocol assignments with Teredo, documentation, 6to4. */
const SPECIAL_IPV6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const;

const GLOBAL_IPV6 = ['2000::', 3] as const;

/** Undefined for `any`: there is nothing to look at. */
export function addressRule(addresses: Addresses): AddressRule | undefined {
  if (addresses === 'any') return undefined;
  const allows = addresses === 'public' ? isPublic() : isListed(addresses);
  return { allows: (address) => allows(plain(address)) };
}

/** An IPv4 address in IPv6 clothes (`::ffff:7f00:1`) is where it leads: the IPv4 address. A scope (`fe80::1%eth0`) is no part of it. */
function plain(address: string): string {
  const bare = address.split('%', 1)[0] ?? '';
  if (isIP(bare) !== 6) return bare;
  // The parser of URLs writes each IPv6 address in one way.
  const [, high = '', low = ''] =
    /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/.exec(new URL(`http://[${bare}]`).hostname) ?? [];
  if (high === '') return bare;
  const [first, second] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [first >> 8, first & 255, second >> 8, second & 255].join('.');
}

function isPublic(): AddressRule['allows'] {
  const [global, special] = [new BlockList(), new BlockList()];
  global.addSubnet(...GLOBAL_IPV6, 'ipv6');
  for (const [network, prefix] of SPECIAL_IPV4) special.addSubnet(network, prefix, 'ipv4');
  for (const [network, prefix] of SPECIAL_IPV6) special.addSubnet(network, prefix, 'ipv6');
  return (address) => {
    const family = isIP(address);
    if (family === 4) return !special.check(address, 'ipv4');
    return family === 6 && global.check(address, 'ipv6') && !special.check(address, 'ipv6');
  };
}

function isListed(networks: readonly string[]): AddressRule['allows'] {
  const listed = new BlockList();
  for (const network of networks) {
    const { address, prefix, family } = parseNetwork(network) ?? {};
    if (address !== undefined && prefix !== undefined) listed.addSubnet(address, prefix, family);
  }
  return (address) => isIP(address) !== 0 && listed.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}

/** Address and prefix length of a CIDR or a single address; undefined for what is neither. */
export function parseNetwork(network: string) {
  const [, address = '', length] = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/.exec(network) ?? [];
  const version = isIP(address);
  const bits = version === 4 ? 32 : 128;
  const prefix = length === undefined ? bits : Number(length);
  if (version === 0 || prefix > bits) return undefined;
  return { address, prefix, family: version === 4 ? ('ipv4' as const) : ('ipv6' as const) };
}

/** Why the host of a base URL may not be connected to, where it is an address itself; such a host is never looked up. */
export function hostProblem(host: string, rule: AddressRule | undefined): string | undefined {
  const address = host.replace(/^\[|\]$/g, '');
  if (rule === undefined || isIP(address) === 0 || rule.allows(address)) return undefined;
  return `leads to ${address}, which the option addresses does not allow`;
}

/** Every address of the name is one that may not be connected to. */
class AddressRefusedError extends Error {
  readonly code = 'ERR_ADDRESS_REFUSED';
}

/** A lookup that gives allowed addresses only, and fails where there is none. */
export const guardedLookup =
  (rule: AddressRule, lookup: LookupFunction = systemLookup): LookupFunction =>
  (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, []);
      const addresses: readonly LookupAddress[] =
        typeof found === 'string' ? [{ address: found, family: isIP(found) }] : found;
      const allowed = addresses.filter(({ address }) => rule.allows(address));
      const [first] = allowed;
      if (first === undefined) {
        const where = addresses.map(({ address }) => address).join(', ');
        return callback(
          new AddressRefusedError(`${host} leads to ${where}, which the option addresses does not allow`),
          [],
        );
      }
      if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
