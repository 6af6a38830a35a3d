/** What clients do wrong on the wire: their own connection ends with the right code, and nothing else. Texts are RabbitMQ's. */
import amqp from 'amqplib';
import { expect } from 'chai';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../../../src/broker/embedded/embedded-broker.ts';
import {
  channelOpen,
  frame,
  HANDSHAKE,
  long,
  method,
  open,
  PROTOCOL,
  RawClient,
  short,
  shortString,
  startOk,
  tuneOk,
} from '../raw-client.ts';

const UP = HANDSHAKE;
const PUBLISH = method(1, 60, 40, short(0), shortString(''), shortString('q'), Buffer.from([0]));
const header = (size: number, classId = 60, flags = 0, rest = Buffer.alloc(0)): Buffer =>
  frame(2, 1, Buffer.concat([short(classId), short(0), long(0), long(size), short(flags), rest]));

const CLOSED = '0:10.50';

const FAULTS: readonly (readonly [title: string, sent: readonly Buffer[], answer: string])[] = [
  [
    'a wrong password',
    [PROTOCOL, startOk('guest', 'wrong')],
    `${CLOSED} 403 ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.`,
  ],
  [
    'an unknown virtual host',
    [PROTOCOL, startOk(), tuneOk(), open('nope')],
    `${CLOSED} 530 NOT_ALLOWED - vhost nope not found`,
  ],
  [
    'a frame size above the offer',
    [PROTOCOL, startOk(), tuneOk(2047, 131_073)],
    `${CLOSED} 530 NOT_ALLOWED - negotiated frame_max = 131073 is higher than the maximum allowed value (131072)`,
  ],
  [
    'a frame size too small to talk',
    [PROTOCOL, startOk(), tuneOk(2047, 100)],
    `${CLOSED} 530 NOT_ALLOWED - negotiated frame_max = 100 is lower than the minimum allowed value (4096)`,
  ],
  [
    'more channels than offered',
    [PROTOCOL, startOk(), tuneOk(3000)],
    `${CLOSED} 530 NOT_ALLOWED - negotiated channel_max = 3000 is higher than the maximum allowed value (2047)`,
  ],
  ['an open before the tune', [PROTOCOL, startOk(), open()], `${CLOSED} 504 CHANNEL_ERROR - unexpected method`],
  [
    'a frame with a wrong end',
    [...UP, frame(1, 1, Buffer.from([0, 20, 0, 10, 0]), 0)],
    `${CLOSED} 501 FRAME_ERROR - type 1, all octets = <<0,20,0,10,0>>: {invalid_frame_end_marker,0}`,
  ],
  [
    'a huge frame',
    [...UP, Buffer.from([1, 0, 1, 0x7f, 0xff, 0xff, 0xff])],
    `${CLOSED} 501 FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,2147483647,131064}`,
  ],
  [
    'an unknown frame type',
    [...UP, frame(9, 1, Buffer.from([1]))],
    `${CLOSED} 501 FRAME_ERROR - type 9, all octets = <<1>>: unknown_frame`,
  ],
  [
    'a heartbeat with content',
    [...UP, frame(8, 0, Buffer.from('x'))],
    `${CLOSED} 501 FRAME_ERROR - type 8, all octets = <<"x">>: unknown_frame`,
  ],
  [
    'a heartbeat on a channel',
    [...UP, frame(8, 1, Buffer.alloc(0))],
    `${CLOSED} 505 UNEXPECTED_FRAME - type 8, all octets = <<>>`,
  ],
  [
    'a method on a channel that is not open',
    [...UP, method(1, 50, 10)],
    `${CLOSED} 504 CHANNEL_ERROR - expected 'channel.open'`,
  ],
  [
    'a second opening of a channel',
    [...UP, channelOpen(), channelOpen()],
    `${CLOSED} 504 CHANNEL_ERROR - second 'channel.open' seen`,
  ],
  [
    'an unknown class',
    [...UP, channelOpen(), method(1, 99, 10)],
    `${CLOSED} 503 COMMAND_INVALID - unimplemented method`,
  ],
  [
    'an unknown method',
    [...UP, channelOpen(), method(1, 50, 99)],
    `${CLOSED} 503 COMMAND_INVALID - unimplemented method`,
  ],
  [
    'a method of the server',
    [...UP, channelOpen(), method(1, 50, 11)],
    `${CLOSED} 503 COMMAND_INVALID - unimplemented method`,
  ],
  [
    'a method cut short',
    [...UP, channelOpen(), method(1, 50, 10, short(0))],
    `${CLOSED} 501 FRAME_ERROR - cannot decode <<0,0>>`,
  ],
  [
    'a queue method on channel zero',
    [...UP, method(0, 50, 10)],
    `${CLOSED} 504 CHANNEL_ERROR - unexpected method in connection state running`,
  ],
  ['a transaction', [...UP, channelOpen(), method(1, 90, 10)], `${CLOSED} 540 NOT_IMPLEMENTED`],
  [
    'a body out of nowhere',
    [...UP, channelOpen(), frame(3, 1, Buffer.from('x'))],
    `${CLOSED} 505 UNEXPECTED_FRAME - expected method frame, got non method frame instead`,
  ],
  [
    'a method where a header belongs',
    [...UP, channelOpen(), PUBLISH, PUBLISH],
    `${CLOSED} 505 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead`,
  ],
  [
    'a header of another class',
    [...UP, channelOpen(), PUBLISH, header(1, 50)],
    `${CLOSED} 505 UNEXPECTED_FRAME - expected content header for class 60, got one for class 50 instead`,
  ],
  [
    'a method where a body belongs',
    [...UP, channelOpen(), PUBLISH, header(5), PUBLISH],
    `${CLOSED} 505 UNEXPECTED_FRAME - expected content body, got non content body frame instead`,
  ],
  [
    'more body than announced',
    [...UP, channelOpen(), PUBLISH, header(1), frame(3, 1, Buffer.from('xy'))],
    `${CLOSED} 501 FRAME_ERROR`,
  ],
  [
    'properties cut short',
    [...UP, channelOpen(), PUBLISH, header(0, 60, 0x8000, Buffer.from([200]))],
    `${CLOSED} 541 INTERNAL_ERROR`,
  ],
  [
    'a header of an unknown type',
    [
      ...UP,
      channelOpen(),
      PUBLISH,
      header(0, 60, 0x2000, Buffer.concat([long(3), shortString('a'), Buffer.from('Z')])),
    ],
    `${CLOSED} 541 INTERNAL_ERROR`,
  ],
  [
    'a message over the limit',
    [...UP, channelOpen(), PUBLISH, header(200_000_000)],
    '1:20.40 406 PRECONDITION_FAILED - message size 200000000 is larger than configured max size 16777216',
  ],
];

describe('the wire server, given what no client should send', () => {
  let broker: EmbeddedBroker;
  let port: number;
  let url: string;

  before(async () => {
    broker = createEmbeddedBroker({ users: { guest: 'guest' } });
    ({ port, url } = await broker.start());
  });
  after(() => broker.stop());

  for (const [title, sent, answer] of FAULTS) {
    it(`answers ${title}`, async () => {
      const client = new RawClient(port);
      client.write(...sent);
      await client.answers(answer);
      client.destroy();
    });
  }

  it('answers garbage with the protocol header and goes', async () => {
    const client = new RawClient(port);
    client.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await client.closes();
    expect(client.bytes.equals(PROTOCOL)).to.equal(true);
  });

  it('goes without a word when the client cannot be told that its password is wrong', async () => {
    const client = new RawClient(port);
    client.write(PROTOCOL, startOk('guest', 'wrong', Buffer.alloc(0)));
    await client.closes();
    expect(client.methods).to.deep.equal(['0:10.10']);
  });

  it('reads frames however they are split', async () => {
    const client = new RawClient(port);
    const bytes = Buffer.concat([...UP, channelOpen(), method(1, 10, 10)]);
    for (const byte of bytes) client.write(Buffer.from([byte]));
    await client.answers(`${CLOSED} 503`);
    expect(client.methods.slice(0, 4)).to.deep.equal(['0:10.10', '0:10.30', '0:10.41', '1:20.11']);
    client.destroy();
  });

  it('ends its side after a fault when the client does not', async () => {
    const client = new RawClient(port);
    client.write(...UP, channelOpen(), channelOpen());
    await client.closes();
  });

  it('keeps others unharmed through all of it', async () => {
    const connection = await amqp.connect(url);
    const channel = await connection.createConfirmChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    const bystander = new RawClient(port);
    bystander.write(...UP, Buffer.from([1, 0, 1, 0x7f, 0xff, 0xff, 0xff]));
    await bystander.answers(`${CLOSED} 501`);
    channel.sendToQueue(queue, Buffer.from('fine'));
    await channel.waitForConfirms();
    expect((await channel.get(queue)) !== false).to.equal(true);
    await connection.close();
  });

  it('hands on header tables that are nested too deep for most decoders', async () => {
    const connection = await amqp.connect(url);
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    const client = new RawClient(port);
    const depth = 18_000;
    let nested = Buffer.alloc(0);
    const parts: Buffer[] = [];
    for (let level = depth; level > 0; level--)
      parts.unshift(Buffer.concat([shortString('a'), Buffer.from('F'), long(0)]));
    nested = Buffer.concat(parts);
    // Each level is seven bytes: name, type and the length of all that is inside it.
    for (let level = 0; level < depth; level++) nested.writeUInt32BE((depth - level - 1) * 7, level * 7 + 3);
    const publish = method(1, 60, 40, short(0), shortString(''), shortString(queue), Buffer.from([0]));
    client.write(...UP, channelOpen(), publish, header(0, 60, 0x2000, Buffer.concat([long(nested.length), nested])));
    client.write(method(1, 20, 40, short(200), shortString(''), short(0), short(0)));
    await client.answers('1:20.41');
    expect((await channel.checkQueue(queue)).messageCount).to.equal(1);
    client.destroy();
    await connection.close();
  });
});
