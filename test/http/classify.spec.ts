import { expect } from 'chai';
import { codeOf } from '../../src/errors.ts';
import { callErrorOf, transportErrorOf } from '../../src/http/classify.ts';
import { retryAfterMs } from '../../src/http/retry-after.ts';
import { TransportError } from '../../src/http/transport.ts';

const call = { api: 'payment', operation: 'POST /charge' };
const failed = (code: string) => Object.assign(new Error('low level'), { code });

describe('transportErrorOf', () => {
  for (const [code, fault] of [
    ['ECONNREFUSED', 'network'],
    ['ECONNRESET', 'network'],
    ['EPIPE', 'network'],
    ['ENOTFOUND', 'network'],
    ['EAI_AGAIN', 'network'],
    ['ETIMEDOUT', 'network'],
    ['EHOSTUNREACH', 'network'],
    ['CERT_HAS_EXPIRED', 'network'],
    ['UND_ERR_SOCKET', 'network'],
    ['UND_ERR_CONNECT_TIMEOUT', 'network'],
    ['UND_ERR_DESTROYED', 'network'],
    ['HPE_INVALID_EOF_STATE', 'network'],
    ['HPE_INVALID_CONSTANT', 'response'],
    ['HPE_HEADER_OVERFLOW', 'response'],
    ['UND_ERR_HEADERS_OVERFLOW', 'response'],
    ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'response'],
    ['Z_DATA_ERROR', 'response'],
    ['Z_BUF_ERROR', 'response'],
    ['ERR__ERROR_FORMAT_PADDING_1', 'response'],
    ['ERR_BUFFER_TOO_LARGE', 'size'],
    ['UND_ERR_INVALID_ARG', 'request'],
    ['ERR_INVALID_CHAR', 'request'],
    ['SOMETHING_NEW', 'network'],
  ] as const) {
    it(`takes ${code} for a fault of the ${fault}, named in the message`, () => {
      const error = transportErrorOf(failed(code));
      expect(error.fault).to.equal(fault);
      expect(error.message).to.include(`(${code})`);
      expect(error.cause).to.be.instanceOf(Error);
    });
  }

  for (const [code, fault] of [
    ['ECONNRESET', 'stale'],
    ['EPIPE', 'stale'],
    ['UND_ERR_SOCKET', 'stale'],
    ['ECONNREFUSED', 'network'],
    ['UND_ERR_DESTROYED', 'network'],
    ['HPE_INVALID_EOF_STATE', 'network'],
    ['HPE_INVALID_CONSTANT', 'response'],
  ] as const) {
    it(`takes ${code} over a connection that has answered before for ${fault}`, () => {
      expect(transportErrorOf(failed(code), 'api.test', true).fault).to.equal(fault);
    });
  }

  it('looks into a host with several addresses', () => {
    expect(transportErrorOf(new AggregateError([failed('ECONNREFUSED'), failed('EHOSTUNREACH')])).message).to.equal(
      'connection refused (ECONNREFUSED)',
    );
  });
});

describe('callErrorOf', () => {
  for (const [fault, code] of [
    ['network', 'ERR_NETWORK'],
    ['stale', 'ERR_NETWORK'],
    ['size', 'ERR_RESPONSE_TOO_LARGE'],
    ['response', 'ERR_RESPONSE_INVALID'],
    ['request', 'ERR_REQUEST_INVALID'],
  ] as const) {
    it(`makes ${code} of a fault of the ${fault}`, () => {
      const error = callErrorOf(call, new TransportError(fault, 'what happened'), 7, 0);
      expect(codeOf(error)).to.equal(code);
      expect(error).to.include(call);
    });
  }

  it('passes on what is not the transport’s', () => {
    const mistake = new TypeError('mistake');
    expect(callErrorOf(call, mistake, 7, 0)).to.equal(mistake);
    expect(callErrorOf(call, undefined, 7, 0)).to.equal(undefined);
  });
});

describe('retryAfterMs', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  for (const [value, ms] of [
    [undefined, undefined],
    ['', undefined],
    ['0', 0],
    ['120', 120_000],
    ['999999999999', 2 ** 31 - 1],
    ['9999999999999999', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['1e9', undefined],
    ['soon', undefined],
    ['Mon, 23 Nov 2026 12:00:10 GMT', 10_000],
    ['Mon, 23 Nov 2026 11:00:00 GMT', 0],
    ['Mon, 23 Nov 9999 12:00:00 GMT', 2 ** 31 - 1],
    ['Mon, 99 Nov 2026 12:00:00 GMT', undefined],
    ['2026-11-23T12:00:10Z', undefined],
  ] as const) {
    it(`B35: reads ${value} as ${ms}`, () => expect(retryAfterMs(value, now)).to.equal(ms));
  }
});
