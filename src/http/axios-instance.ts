/**
 * The axios instance of an API: made once, handed to the author's `axios` function, then read once. Its defaults become plain data for the
 * fast lane; whatever was changed that only axios itself can do is noticed here.
 */
import axios, { AxiosHeaders, type AxiosHeaderValue, type AxiosInstance, type InternalAxiosRequestConfig } from 'axios';
import { DefinitionError } from '../errors.ts';
import type { HttpMethod } from './api.ts';
import { ACCEPTED_ENCODINGS } from './decompress.ts';
import type { DirectDefaults } from './plain-transport.ts';

/** An instance as the transport uses it. */
export interface AxiosReading extends DirectDefaults {
  readonly instance: AxiosInstance;
  /** Whether the defaults ask for nothing but what the fast lane does: headers, validateStatus and interceptors may differ, nothing else. */
  readonly fitsFastLane: boolean;
  /** The merged defaults without headers, as interceptors find them in a request's config. */
  readonly defaults: Readonly<Record<string, unknown>>;
}

const METHODS: readonly HttpMethod[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Defaults the fast lane honours; a difference in any other sends every call through axios. */
const UNDERSTOOD = new Set(['headers', 'validateStatus']);

export interface ReadAxiosOptions {
  /** Whose instance it is, for messages about mistakes. */
  readonly subject: string;
  readonly maxRequestBytes: number;
  readonly maxResponseBytes: number;
  readonly configure?: ((instance: AxiosInstance) => void) | undefined;
}

/**
 * Makes the instance and reads it after `configure`. Bodies pass axios as bytes both ways: serialising and parsing are ours, strict and bounded.
 * From here on the defaults are frozen: a later change would reach some calls and not others, so it throws.
 * @throws DefinitionError when `configure` sets a base URL: the definition has it.
 */
export function readAxios({ subject, maxRequestBytes, maxResponseBytes, configure }: ReadAxiosOptions): AxiosReading {
  const instance = axios.create({
    adapter: 'http',
    responseType: 'arraybuffer',
    transformRequest: [bytesOf],
    transformResponse: [(data: unknown) => data],
    maxRedirects: 0,
    proxy: false,
    maxBodyLength: maxRequestBytes,
    maxContentLength: maxResponseBytes,
    headers: { 'User-Agent': 'sluice', 'Accept-Encoding': ACCEPTED_ENCODINGS },
  });
  const made = snapshot(instance);
  configure?.(instance);
  const read = snapshot(instance);
  if (read.get('baseURL') !== undefined)
    throw new DefinitionError([{ subject, path: 'axios', message: 'sets baseURL, use the option baseUrl' }]);
  const { headers: _, ...defaults } = instance.defaults;
  const { validateStatus } = instance.defaults;
  const reading: AxiosReading = {
    instance,
    fitsFastLane: [...new Set([...made.keys(), ...read.keys()])].every(
      (key) => UNDERSTOOD.has(key) || isSame(made.get(key), read.get(key)),
    ),
    headers: Object.freeze(
      Object.fromEntries(METHODS.map((method) => [method, flatten(instance, method)])) as AxiosReading['headers'],
    ),
    isAccepted: validateStatus === axios.defaults.validateStatus ? undefined : (validateStatus ?? (() => true)),
    defaults: Object.freeze(defaults),
  };
  freeze(instance);
  return reading;
}

/** Values of the defaults; lists are copied, since authors push to them. */
const snapshot = ({ defaults }: AxiosInstance): ReadonlyMap<string, unknown> =>
  new Map(
    Object.entries(defaults).map(([key, value]: [string, unknown]) => [
      key,
      Array.isArray(value) ? value.slice() : value,
    ]),
  );

const isSame = (a: unknown, b: unknown): boolean =>
  Array.isArray(a) && Array.isArray(b)
    ? a.length === b.length && a.every((member, index) => member === b[index])
    : a === b;

/** Headers of a method over those of all methods, as axios merges them. */
function flatten({ defaults }: AxiosInstance, method: HttpMethod): Readonly<Record<string, string>> {
  const { common, delete: onDelete, get, post, put, patch } = defaults.headers;
  const ofMethod = { GET: get, POST: post, PUT: put, PATCH: patch, DELETE: onDelete }[method];
  const own = Object.fromEntries(Object.entries(defaults.headers).filter(([, value]) => !isOfSomeMethods(value)));
  const merged = [common, ofMethod, own].map((headers) => AxiosHeaders.from(headers as AxiosHeaders | undefined));
  return plainHeaders(AxiosHeaders.concat(...merged));
}

/** Beside headers stand the headers of methods, of more of them than we have. */
const isOfSomeMethods = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Sendable headers of an axios container, names in lower case: without those that are unset or switched off. */
export function plainHeaders(headers: AxiosHeaders): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    const value = headers[name] as AxiosHeaderValue | undefined;
    if (value === undefined || value === null || value === false) continue;
    plain[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value.toString();
  }
  return plain;
}

/** Headers that are known to be well-formed, in axios' container. Its own way in normalises each of them, which costs more than the call. */
export function axiosHeadersOf(...sources: readonly Readonly<Record<string, unknown>>[]): AxiosHeaders {
  const headers = new AxiosHeaders();
  for (const source of sources) Object.assign(headers, source);
  return headers;
}

function freeze({ defaults }: AxiosInstance): void {
  for (const value of Object.values(defaults.headers))
    if (typeof value === 'object' && value !== null) Object.freeze(value);
  for (const value of Object.values(defaults)) if (Array.isArray(value)) Object.freeze(value);
  Object.freeze(defaults.headers);
  Object.freeze(defaults);
}

/**
 * What an interceptor or a transform left as a body, as bytes: text as UTF-8, other values as JSON.
 * @throws TypeError for what is none of these (streams, forms).
 */
export function bytesOf(data: unknown): Buffer | undefined {
  if (data === undefined || data === null) return undefined;
  if (Buffer.isBuffer(data)) return data;
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return Buffer.from(data);
  if (typeof data === 'string') return Buffer.from(data);
  const text = JSON.stringify(data);
  if (text === undefined) throw new TypeError(`body became a ${typeof data}`);
  return Buffer.from(text);
}

export type AxiosConfig = InternalAxiosRequestConfig<unknown>;
