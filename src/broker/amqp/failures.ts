/** What the broker, the socket or amqplib said, as a reason for people and as an error of ours. */
import { messageOf, ResultInvalidError, SluiceError, systemCodeOf, TopologyError } from '../../errors.ts';
import { withoutCredentials } from './address.ts';

/** Reply codes of AMQP 0-9-1 that are told apart. */
export const REPLY = { accessRefused: 403, notFound: 404, resourceLocked: 405, preconditionFailed: 406 } as const;

/** Reply code of a channel or connection that the broker closed. */
export function replyCodeOf(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'number'
    ? error.code
    : undefined;
}

/** The broker's own sentence inside amqplib's, which quotes it: `404 (NOT-FOUND) with message "NOT_FOUND - no queue …"`. */
export function brokerText(error: unknown): string {
  const message = messageOf(error);
  return /with message "(.*)"/s.exec(message)?.[1] ?? message;
}

/** Whether a connection, or since RabbitMQ 4.0 a channel, was ended for an exchange of a type that no plugin brings. */
export const isUnknownType = (reason: string): boolean => /(unknown|invalid) exchange type/.test(reason);

/** Whether a connection was ended for one channel more than its user may have open, over all of its connections to a node. */
export const isChannelLimit = (reason: string): boolean => reason.includes('maximum allowed user limit');

const PORTS = 'amqp:// is for the port that is usually 5672; 5671 is for amqps://, and 15672 is the management page';

/** What amqplib makes of `HTTP/1.1 400`, whose fourth to seventh byte would be the size of a frame. */
const HTTP_AS_A_FRAME = `Frame size ${0x50_2f_31_2e} exceeds`;

/** `…:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:…/rec_layer_s3.c:1601:…`: what is between is for people. */
const opensslReason = (text: string): string => /:SSL routines:[^:]*:([^:]+):/.exec(text)?.[1] ?? text;

/** What the broker says of our certificate, by an alert of TLS. */
const REFUSED_CERTIFICATE =
  /alert ((?:bad|unsupported) certificate|certificate (?:revoked|expired|unknown)|unknown ca)/;

/** Why a connection was not made or went away, in one line and without credentials. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map(reasonOf))].join(', ');
  }
  const text = opensslReason(withoutCredentials(brokerText(error)));
  if (/ACCESS_REFUSED - Login was refused/.test(text)) return 'the broker refuses the credentials (ACCESS_REFUSED)';
  // What the broker says of it amqplib keeps to itself.
  if (/^Expected ConnectionOpenOk; got <ConnectionClose\b/.test(text))
    return 'the broker does not let this user into the virtual host: it does not exist, the user has no permissions there, or there are too many connections; its log says which';
  if (/wrong version number/i.test(text))
    return 'there is no TLS at that port; amqps:// is for the TLS listener, usually port 5671, and amqp:// for the other';
  if (/alert certificate required/.test(text))
    return 'the broker asks who we are, and there is no certificate to show: SLUICE_AMQP_CERT_FILE and SLUICE_AMQP_KEY_FILE name one';
  const [, refusal] = REFUSED_CERTIFICATE.exec(text) ?? [];
  if (refusal !== undefined)
    return `the broker does not take the certificate of SLUICE_AMQP_CERT_FILE (${refusal}): it has to be valid, and of an authority that the broker knows`;
  if (text === 'Heartbeat timeout') return 'the broker has fallen silent: not even a heartbeat came';
  if (/^Socket closed abruptly during opening handshake$/.test(text))
    return `the connection was closed before a word of AMQP: ${PORTS}`;
  if (text.startsWith(HTTP_AS_A_FRAME)) return `HTTP is spoken at that port, not AMQP: ${PORTS}`;
  if (error instanceof SluiceError) return text;
  if (isChannelLimit(text))
    return `${text}; it counts all connections of this user to a node: a worker has one to publish, one for each queue it consumes, and some for a moment: raise max-channels (rabbitmqctl set_user_limits), or give each worker a user of its own`;
  const code = systemCodeOf(error);
  if (code === undefined) return text;
  // Codes of the system and of TLS: some of their messages say less.
  const told = !text.includes(code) ? `${code}: ${text}` : text;
  return UNTRUSTED.has(code) ? `${told}; an authority of your own is named by SLUICE_AMQP_CA_FILE` : told;
}

/** Whoever certifies the broker is none of the authorities it was held against. */
const UNTRUSTED = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
]);

/** What of a publish decides whether it is the one a channel was closed for. */
export interface Suspect {
  readonly exchange: string;
  readonly bytes: number;
  readonly userId: string | undefined;
}

/**
 * The error of a publish when it is the one the broker closed the channel for; undefined for its neighbours, whose fate is unknown.
 * The broker names the culprit by its exchange, its size or its user id alone, so all alike are culprits.
 */
export function errorOfCulprit(closed: unknown, { exchange, bytes, userId }: Suspect): SluiceError | undefined {
  const text = brokerText(closed);
  switch (replyCodeOf(closed)) {
    case REPLY.notFound:
      return namesExchange(text, exchange) ? missingExchange(exchange, closed) : undefined;
    case REPLY.accessRefused:
      return namesExchange(text, exchange) ? forbiddenExchange(exchange, closed) : undefined;
    case REPLY.preconditionFailed: {
      const maxBytes = /larger than (?:configured )?max(?:imum)? size (\d+)/i.exec(text)?.[1];
      if (maxBytes !== undefined && bytes > Number(maxBytes)) {
        const told = { cause: closed, maxBodyBytes: Number(maxBytes) };
        return new ResultInvalidError(`body of ${bytes} bytes: the broker allows ${maxBytes}`, told);
      }
      const claimed = /user_id property set to '(.*?)'/.exec(text)?.[1];
      return claimed !== undefined && claimed === userId ? new ResultInvalidError(text, { cause: closed }) : undefined;
    }
    default:
      return undefined;
  }
}

const namesExchange = (text: string, exchange: string): boolean => text.includes(`exchange '${exchange}'`);

/** Of a result, of a copy, or of what enters by a front door, which declares nothing. */
export function missingExchange(exchange: string, cause: unknown): TopologyError {
  return new TopologyError(
    `exchange "${exchange}" does not exist; "sluice topology --apply" makes those of sources and "publishes", as a worker does that may declare; others are made on the broker`,
    { cause, missingExchange: exchange },
  );
}

export function forbiddenExchange(exchange: string, cause: unknown): TopologyError {
  return new TopologyError(`exchange "${exchange}": the broker user may not write to it (${brokerText(cause)})`, {
    cause,
  });
}
