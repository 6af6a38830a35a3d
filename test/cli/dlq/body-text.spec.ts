import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { bodyText } from '../../../src/cli/dlq/body-text.ts';

describe('bodyText', () => {
  const text = (body: string | Uint8Array, contentType?: string, contentEncoding?: string): string | undefined =>
    bodyText({
      body: Buffer.from(body),
      properties: { ...(contentType && { contentType }), ...(contentEncoding && { contentEncoding }) },
    });

  it('is what is said to be text, whatever is in it, and what reads as text', () => {
    expect(text('')).to.equal('');
    expect(text('', 'text/csv')).to.equal('');
    expect(text('', 'application/json', 'gzip')).to.equal('');
    expect(text('{"a":"\u0001"}', 'application/json')).to.equal('{"a":"\u0001"}');
    expect(text('a\u0000b', 'text/plain')).to.equal('a\u0000b');
    expect(text('a\u0000b')).to.equal('a\u0000b');
    expect(text('<order>\n\t<id>1</id>\r\n</order>', 'application/xml')).to.equal('<order>\n\t<id>1</id>\r\n</order>');
    expect(text(gzipSync('{"n":1}'), 'application/vnd.x+json; charset=utf-8', 'gzip')).to.equal('{"n":1}');
  });

  it('is none where bytes of another format happen to be UTF-8: an editor would break their lengths', () => {
    // Avro: a length of 3, its letters, then a double.
    const avro = Buffer.concat([Buffer.from([6]), Buffer.from('o-1'), Buffer.from([0, 0, 0, 0, 0, 0, 4, 64])]);
    expect(avro.toString('utf8')).not.to.include('\ufffd');
    expect(text(avro, 'application/avro')).to.equal(undefined);
    expect(text(gzipSync(avro), 'application/avro', 'gzip')).to.equal(undefined);
    expect(text(new Uint8Array([0xff, 0xfe]), 'application/json')).to.equal(undefined);
  });

  it('is none where another format has no bytes: what somebody writes there is none of it', () => {
    expect(text('', 'application/x-protobuf')).to.equal(undefined);
    expect(text(gzipSync(''), 'application/x-protobuf', 'gzip')).to.equal(undefined);
    expect(text('', 'application/octet-stream')).to.equal(undefined);
  });
});
