/** Messages whose headers amqplib cannot decode, written byte by byte: no client would send them. */
import {
  channelOpen,
  frame,
  HANDSHAKE,
  long,
  longString,
  method,
  RawClient,
  short,
  shortString,
} from '../broker/embedded/raw-client.ts';

/** A value nested so deep that a recursive decoder runs out of stack: 7 bytes a level, and all of it fits one frame. */
export const deepTable = (depth = 18_000): Buffer => {
  const level = Buffer.concat([shortString('a'), Buffer.from('F'), long(0)]);
  const nested = Buffer.concat(Array.from({ length: depth }, () => level));
  for (let at = 0; at < depth; at++) nested.writeUInt32BE((depth - at - 1) * level.length, at * level.length + 3);
  return Buffer.concat([Buffer.from('F'), longString(nested)]);
};

export const textValue = (text: string): Buffer => Buffer.concat([Buffer.from('S'), longString(text)]);

/** Publishes to a queue by its name, header values as they stand on the wire; resolves when the broker has read it. */
export async function publishOddly(
  port: number,
  queue: string,
  body: string,
  headers: Readonly<Record<string, Buffer>>,
): Promise<void> {
  const client = new RawClient(port);
  const table = Buffer.concat(Object.entries(headers).flatMap(([name, value]) => [shortString(name), value]));
  const content = Buffer.from(body);
  const size = Buffer.concat([long(0), long(content.length)]);
  // Content type, headers, delivery mode 2, message id: properties before and after the table.
  const flags = short(0x8000 | 0x2000 | 0x1000 | 0x0080);
  const properties = [
    shortString('application/json'),
    longString(table),
    Buffer.from([2]),
    shortString(`odd ${body.length}`),
  ];
  client.write(
    ...HANDSHAKE,
    channelOpen(),
    method(1, 60, 40, short(0), shortString(''), shortString(queue), Buffer.from([0])),
    frame(2, 1, Buffer.concat([short(60), short(0), size, flags, ...properties])),
    frame(3, 1, content),
    method(1, 20, 40, short(200), shortString(''), short(0), short(0)),
  );
  await client.answers('1:20.41');
  client.destroy();
}
