/**
 * Why there is no trusted connection to a host, in words. All of these are transient: they are about the surroundings and not about the message,
 * which is better kept until a certificate is mended than dead-lettered.
 */

const UNTRUSTED = 'its authority is not trusted';

const REASONS: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  CERT_UNTRUSTED: UNTRUSTED,
  CERT_SIGNATURE_FAILURE: UNTRUSTED,
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  CERT_REVOKED: 'it is revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another host',
};

/** What stands between us and a trusted connection; undefined when a code says nothing of the kind. */
export function certificateFault(code: string, host: string, { message }: Error): string | undefined {
  const reason = Object.hasOwn(REASONS, code) ? REASONS[code] : undefined;
  if (reason !== undefined) return `certificate of ${host} is refused: ${reason}`;
  // Ours, and written to be shown.
  if (code === 'ERR_KEY_NOT_PINNED') return `certificate of ${host} is refused: ${message}`;
  if (code === 'ERR_TLS_SETTINGS') return `no TLS connection to ${host}: ${message}`;
  if (code === 'ERR_ADDRESS_REFUSED') return message;
  if (code === 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED') return `${host} asks for a client certificate`;
  return code.startsWith('ERR_SSL_') || code === 'EPROTO' ? `no TLS connection to ${host}` : undefined;
}
