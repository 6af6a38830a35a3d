/** The address of a client, as it is told to the front door, and what of it counts where addresses are counted. Pure. */
import { isIP, isIPv6 } from 'node:net';

/**
 * What a proxy in front says of its client, without a port (some add one, another for each connection); what is no address is not believed:
 * then it is that of who is connected.
 */
export function clientAddress(told: string, connected: string): string {
  const plain = /^\[([^\]]*)\](:\d{1,5})?$/.exec(told)?.[1] ?? told;
  const address = /^([\d.]+):\d{1,5}$/.exec(plain)?.[1] ?? plain;
  return plainAddress(isIP(address) === 0 ? connected : address);
}

/** `::ffff:0:0/96`: how an IPv6 socket writes an IPv4 address (RFC 4291, 2.5.5.2). */
const MAPPED = '0:0:0:0:0:ffff';
/** `64:ff9b::/96`: how a translator (NAT64) does, with the address behind it (RFC 6052, 2.1). Where a network has chosen another prefix, nobody here can tell. */
const TRANSLATED = '64:ff9b:0:0:0:0';

/** An IPv4 address is one, however an IPv6 socket writes it. */
const plainAddress = (address: string): string => embeddedIn(address, MAPPED) ?? address.toLowerCase();

/** Link-local, private and loopback: a network of these has many clients. */
const OF_MANY = /^(fe[89ab]\w|f[cd]\w\w):|^0:0:0:0:0:0:0:1$/;

/** Whoever has an IPv6 address has 2^64 of them, at least: they are counted as one. Who has IPv4 alone, and comes through a translator, has one. */
export function countedAs(address: string): string {
  if (!isIPv6(address)) return address;
  const ipv4 = embeddedIn(address, MAPPED) ?? embeddedIn(address, TRANSLATED);
  if (ipv4 !== undefined) return ipv4;
  const groups = groupsOf(address);
  return OF_MANY.test(groups.join(':')) ? address : `${groups.slice(0, 4).join(':')}::/64`;
}

/** The IPv4 address behind the prefix of six groups; undefined where there is another prefix, or no IPv6 address. */
function embeddedIn(address: string, prefix: string): string | undefined {
  if (!isIPv6(address)) return undefined;
  const groups = groupsOf(address);
  if (groups.slice(0, 6).join(':') !== prefix) return undefined;
  return groups
    .slice(6)
    .flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff])
    .join('.');
}

/** All eight groups of an IPv6 address, without leading zeros and without its zone. */
function groupsOf(address: string): readonly string[] {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const before = groupsIn(head);
  const after = groupsIn(tail ?? '');
  const missing = 8 - before.length - after.length;
  return [...before, ...Array.from({ length: missing }, () => '0'), ...after];
}

const groupsIn = (text: string): readonly string[] =>
  text === ''
    ? []
    : text.split(':').flatMap((group) => (group.includes('.') ? hexOf(group) : [hex(Number.parseInt(group, 16))]));

/** The last two may be written as an IPv4 address. */
function hexOf(ipv4: string): readonly string[] {
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number);
  return [hex(a * 256 + b), hex(c * 256 + d)];
}

const hex = (group: number): string => group.toString(16);
