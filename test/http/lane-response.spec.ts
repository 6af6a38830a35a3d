import { expect } from 'chai';
import fc from 'fast-check';
import { announcedBytes, LaneResponse } from '../../src/http/lane-response.ts';
import { headerOf, type TransportResponse } from '../../src/http/transport.ts';
import { partsOfUndici } from '../../src/http/undici-lane.ts';

const { parseHeaders } = partsOfUndici();

const responseOf = (pairs: readonly (readonly [string, string])[], readHeaders = parseHeaders): LaneResponse =>
  new LaneResponse(
    200,
    pairs.flat().map((text) => Buffer.from(text, 'latin1')),
    Buffer.alloc(0),
    readHeaders,
  );

describe('a response of the fast lane', () => {
  it('says of each header what all of them read together say, however it is spelled and repeated', () => {
    const names = ['content-type', 'Content-Type', 'CONTENT-TYPE', 'content-typf', 'vary', 'VARY', '@ary', 'x', 'X'];
    const value = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)) });
    const pairs = fc.array(fc.tuple(fc.constantFrom(...names), value));
    fc.assert(
      fc.property(pairs, (sent) => {
        const response = responseOf(sent);
        const plain: TransportResponse = { status: 200, headers: response.headers, body: response.body };
        for (const name of ['content-type', 'vary', '`ary', 'x', 'date'])
          expect(headerOf(response, name)).to.equal(headerOf(plain, name));
      }),
    );
  });

  for (const [headers, bytes] of [
    [['Content-Length', '1073741824'], 1_073_741_824],
    [['content-length', '1073741824  '], 1_073_741_824],
    [['vary', '7', 'content-length', '0'], 0],
    [['content-length', '9007199254740991'], Number.MAX_SAFE_INTEGER],
    [['content-length', '-1'], 0],
    [['content-length', '1e9'], 0],
    [['content-lengtg', '5'], 0],
    [[], 0],
  ] as const) {
    it(`announces ${bytes} bytes by ${JSON.stringify(headers)}`, () => {
      expect(announcedBytes(headers.map((text) => Buffer.from(text, 'latin1')))).to.equal(bytes);
    });
  }

  it('reads all of them when they are asked for, once', () => {
    let readings = 0;
    const response = responseOf([['Content-Type', 'text/plain']], (raw) => {
      readings++;
      return parseHeaders(raw);
    });
    expect(response.header('content-type')).to.equal('text/plain');
    expect(readings).to.equal(0);
    expect(response.headers).to.deep.equal({ 'content-type': 'text/plain' });
    expect(response.headers).to.equal(response.headers);
    expect(readings).to.equal(1);
  });
});
