/** Which errors are one and the same: their text without what differs from message to message. Pure. */
import { hash } from 'node:crypto';

/** Longest text looked at: what dead letters carry is shorter. */
const MAX_LENGTH = 2_000;

const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi;
const QUOTED = /"[^"]*"|'[^']*'|`[^`]*`/g;
/** Hexadecimal names of eight characters and more, with a digit in them: `decade` and `deadbeef` are words. */
const HEX = /\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/gi;
/** A number, and what stands before it where that makes it a status: `answered 422` and `answered 404` are two failures. */
const NUMBER = /((?:answered|status(?: code)?:?) )?\d+(?:\.\d+)*/gi;

/** An error's text with `#` for numbers, ids and what stands in quotes. */
export function normalise(text: string): string {
  return text
    .slice(0, MAX_LENGTH)
    .replace(UUID, '#')
    .replace(QUOTED, '"#"')
    .replace(HEX, '#')
    .replace(NUMBER, (number, status: string | undefined) => (status === undefined ? '#' : number))
    .replace(/\s+/g, ' ')
    .trim();
}

/** Eight hexadecimal digits: the same for letters that failed at one stage with one code and one kind of text. */
export const fingerprintOf = (code: string, stage: string, message: string): string =>
  hash('sha256', JSON.stringify([code, stage, normalise(message)]), 'hex').slice(0, 8);
