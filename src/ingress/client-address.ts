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

/** An IPv4 address is one, however an IPv6 socket writes it. */
const plainAddress = (address: string): string => address.toLowerCase().replace(/^::ffff:(?=[\d.]+$)/, '');

/** Link-local, private and loopback: a network of these has many clients. */
const OF_MANY = /^(fe[89ab]|f[cd])|^::1$/;

/** Whoever has an IPv6 address has 2^64 of them, at least: they are counted as one. */
export function countedAs(address: string): string {
  if (!isIPv6(address) || OF_MANY.test(address)) return address;
  const [head = '', tail] = address.split('::');
  const before = groupsOf(head);
  const after = groupsOf(tail ?? '');
  const missing = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array.from({ length: missing }, () => '0'), ...after];
  return `${groups.slice(0, 4).map(withoutZeros).join(':')}::/64`;
}

const withoutZeros = (group: string): string => group.replace(/^0+(?=.)/, '');

/** The last two may be written as an IPv4 address. */
const groupsOf = (text: string): readonly string[] =>
  text === '' ? [] : text.split(':').flatMap((group) => (group.includes('.') ? ['0', '0'] : [group]));
