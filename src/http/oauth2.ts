/**
 * OAuth 2.0 client credentials: who calls proves it to a token endpoint, and to the API by the token it gets there.
 * token-source.ts asks for tokens and keeps them.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.4
 */
import { reportProblems, unknownOptions } from '../definition.ts';
import type { Known } from '../policies/unknown-option.ts';
import { canChange, currentValue, type Setting } from '../setting.ts';
import { reveal, type SecretValue } from './secret-value.ts';
import { UrlError } from './url.ts';

export interface OAuth2Options {
  /**
   * Where tokens are asked for: http or https, a query allowed. Read at the start alone, as `baseUrl` is. It is called under the API's own
   * `timeout`, `addresses` and `tls.ca`; client certificate and pins are for the API alone.
   */
  readonly tokenUrl: string | Setting<string>;
  readonly clientId: string | Setting<string>;
  /** Read again from its file for each token that is asked for. */
  readonly clientSecret: SecretValue;
  /** What the token is for, scopes parted by spaces. Default: what the endpoint gives by itself. */
  readonly scope?: string | Setting<string>;
  /** Which API the token is for, at endpoints that serve several. Default: none is named. */
  readonly audience?: string | Setting<string>;
  /** How id and secret are sent: as the `Authorization` header, which every endpoint must take, or in the body. Default: header. */
  readonly credentialsIn?: 'header' | 'body';
}

/** What they hold is looked at when the worker starts: settings have no value before. */
const OPTIONS: Known<OAuth2Options> = {
  tokenUrl: true,
  clientId: true,
  clientSecret: true,
  scope: true,
  audience: true,
  credentialsIn: true,
};

interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A token request, ready to be sent. */
export interface TokenRequest extends Credentials {
  readonly origin: string;
  readonly path: string;
}

export interface OAuth2Auth {
  readonly kind: 'auth';
  readonly scheme: 'oauth2';
  readonly header: 'authorization';
  /**
   * The request that gets a token, with the secret in clear.
   * @throws ConfigError when a setting behind it is missing or malformed, UrlError when the token URL is none.
   */
  read(): TokenRequest;
  /**
   * What in it says who asks, and for what, without where.
   * @throws ConfigError when a setting behind it is missing or malformed.
   */
  readCredentials(): Credentials;
  /** Whether it may be another one later. */
  canChange(): boolean;
}

/**
 * `Authorization: Bearer …` with a token of the client credentials grant.
 *
 * A token is asked for when the first call needs one, once for all calls that wait for it, and anew some time before it expires. A call that is
 * answered 401 is sent once more with a new token, within the same attempt. Where the token endpoint fails, the call fails with it: transient or
 * not by what the endpoint answered.
 * @throws DefinitionError for an option it does not have.
 */
export function oauth2(options: OAuth2Options): OAuth2Auth {
  reportProblems(unknownOptions('oauth2', options, OPTIONS));
  return {
    kind: 'auth',
    scheme: 'oauth2',
    header: 'authorization',
    read: () => ({ ...placeOf(options), ...credentialsOf(options) }),
    readCredentials: () => credentialsOf(options),
    canChange: () => Object.values({ ...options, tokenUrl: undefined }).some(canChange),
  };
}

/**
 * The request as it is whenever a token is asked for: what stands in files is read for each, which are few. It goes where it went at the start. What
 * cannot be read leaves the last one.
 */
export function tokenRequests(auth: OAuth2Auth, first: TokenRequest): () => TokenRequest {
  if (!auth.canChange()) return () => first;
  let last = first;
  return () => {
    try {
      last = { ...first, ...auth.readCredentials() };
    } catch {
      // The endpoint says what it thinks of the last one.
    }
    return last;
  };
}

function placeOf({ tokenUrl }: OAuth2Options): Omit<TokenRequest, keyof Credentials> {
  const { origin, pathname, search } = parseTokenUrl(currentValue<string>(tokenUrl));
  return { origin, path: pathname + search };
}

function credentialsOf({ clientId, clientSecret, scope, audience, credentialsIn }: OAuth2Options): Credentials {
  const [id, secret] = [currentValue<string>(clientId), reveal(clientSecret)];
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (scope !== undefined) form.set('scope', currentValue<string>(scope));
  if (audience !== undefined) form.set('audience', currentValue<string>(audience));
  const headers: Record<string, string> = {
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json',
  };
  if (credentialsIn === 'body') {
    form.set('client_id', id);
    form.set('client_secret', secret);
  } else {
    // Each encoded as in a form before they are joined: RFC 6749 section 2.3.1.
    headers.authorization = `Basic ${Buffer.from(`${formEncoded(id)}:${formEncoded(secret)}`).toString('base64')}`;
  }
  return { headers, body: form.toString() };
}

const formEncoded = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1);

function parseTokenUrl(text: string): URL {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    throw new UrlError('tokenUrl must be a URL with http:// or https://');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || text.includes('#'))
    throw new UrlError('tokenUrl must not hold a user name, a password or a fragment');
  return url;
}
