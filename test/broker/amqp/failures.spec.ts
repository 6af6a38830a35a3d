import { expect } from 'chai';
import { errorOfCulprit, reasonOf } from '../../../src/broker/amqp/failures.ts';
import { BrokerUnavailableError, ResultInvalidError, TopologyError } from '../../../src/errors.ts';

const closed = (code: number, text: string): Error =>
  Object.assign(new Error(`Channel closed by server: ${code} (NAME) with message "${text}"`), { code });

describe('errorOfCulprit', () => {
  const suspect = { exchange: 'orders', bytes: 2_000, userId: 'eve' };
  const cases: readonly (readonly [string, Error, object, unknown])[] = [
    ['a missing exchange', closed(404, "NOT_FOUND - no exchange 'orders' in vhost '/'"), suspect, TopologyError],
    ['another missing exchange', closed(404, "NOT_FOUND - no exchange 'order' in vhost '/'"), suspect, undefined],
    [
      'a forbidden exchange',
      closed(403, "ACCESS_REFUSED - access to exchange 'orders' in vhost '/' refused"),
      suspect,
      TopologyError,
    ],
    [
      'a body too large',
      closed(406, 'PRECONDITION_FAILED - message size 2000 is larger than configured max size 1000'),
      suspect,
      ResultInvalidError,
    ],
    [
      'a body too large, as RabbitMQ 4 says it',
      closed(406, 'PRECONDITION_FAILED - message size 2000 is larger than max size 1000'),
      suspect,
      ResultInvalidError,
    ],
    [
      'a large neighbour',
      closed(406, 'PRECONDITION_FAILED - message size 9000 is larger than configured max size 5000'),
      suspect,
      undefined,
    ],
    [
      'a foreign user id',
      closed(406, "PRECONDITION_FAILED - user_id property set to 'eve' but authenticated user was 'guest'"),
      suspect,
      ResultInvalidError,
    ],
    [
      'a neighbour with a foreign user id',
      closed(406, "PRECONDITION_FAILED - user_id property set to 'mallory' but authenticated user was 'guest'"),
      suspect,
      undefined,
    ],
    ['the end of the connection', new Error('read ECONNRESET'), suspect, undefined],
  ];
  for (const [what, cause, who, expected] of cases) {
    it(`judges ${what}`, () => {
      const error = errorOfCulprit(cause, who as typeof suspect);
      if (expected === undefined) expect(error).to.equal(undefined);
      else expect(error).to.be.instanceOf(expected);
    });
  }
});

describe('reasonOf', () => {
  it('is the broker’s own sentence', () => {
    expect(reasonOf(closed(404, "NOT_FOUND - no queue 'q' in vhost '/'"))).to.equal(
      "NOT_FOUND - no queue 'q' in vhost '/'",
    );
  });

  it('names refused credentials plainly', () => {
    const login = closed(403, 'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN.');
    expect(reasonOf(login)).to.equal('the broker refuses the credentials (ACCESS_REFUSED)');
  });

  it('says what to do about a user who has as many channels as it may', () => {
    const said =
      "NOT_ALLOWED - number of channels opened for user 'few' has reached the maximum allowed user limit of (3)";
    const told = reasonOf(closed(530, said));
    expect(told).to.match(/limit of \(3\); .*rabbitmqctl set_user_limits/);
    expect(reasonOf(new BrokerUnavailableError(told)), 'told once').to.equal(told);
  });

  it('says what may be wrong with a virtual host, of which amqplib tells nothing, and that a port has no TLS', () => {
    expect(reasonOf(new Error('Expected ConnectionOpenOk; got <ConnectionClose channel:0>'))).to.match(
      /does not let this user into the virtual host: it does not exist, the user has no permissions there/,
    );
    const noTls = Object.assign(
      new Error('805C:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:x.c:350:\n'),
      {
        code: 'ERR_SSL_WRONG_VERSION_NUMBER',
      },
    );
    expect(reasonOf(noTls)).to.match(
      /^there is no TLS at that port; amqps:\/\/ is for the TLS listener, usually port 5671/,
    );
  });

  it('says what may be wrong where a port is not that of AMQP, and which setting names an authority', () => {
    expect(reasonOf(new Error('Socket closed abruptly during opening handshake'))).to.match(
      /^the connection was closed before a word of AMQP: amqp:\/\/ is for the port that is usually 5672; 5671 is for amqps/,
    );
    expect(reasonOf(new Error('Frame size 1345270062 exceeds maxFrameSize 1048576'))).to.match(
      /^HTTP is spoken at that port, not AMQP: amqp:/,
    );
    const large = 'Frame size 2000000 exceeds maxFrameSize 1048576';
    expect(reasonOf(new Error(large))).to.equal(large);
    const untrusted = Object.assign(new Error('self-signed certificate in certificate chain'), {
      code: 'SELF_SIGNED_CERT_IN_CHAIN',
    });
    const told = reasonOf(untrusted);
    expect(told).to.equal(
      'SELF_SIGNED_CERT_IN_CHAIN: self-signed certificate in certificate chain; an authority of your own is named by SLUICE_AMQP_CA_FILE',
    );
    expect(reasonOf(new BrokerUnavailableError(told)), 'told once').to.equal(told);
  });

  it('says what a broker has against our certificate, or that it asks for one, without a line of OpenSSL’s source', () => {
    const alert = (name: string, number: number): Error => {
      const where = 'SSL routines:ssl3_read_bytes:';
      const text = `806C:error:0A00045C:${where}${name}:rec_layer_s3.c:1601:SSL alert number ${number}\n`;
      return Object.assign(new Error(text), { code: `ERR_SSL_${name.toUpperCase().replaceAll(' ', '_')}` });
    };
    expect(reasonOf(alert('tlsv13 alert certificate required', 116))).to.equal(
      'the broker asks who we are, and there is no certificate to show: SLUICE_AMQP_CERT_FILE and SLUICE_AMQP_KEY_FILE name one',
    );
    expect(reasonOf(alert('sslv3 alert handshake failure', 40))).to.equal(
      'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: sslv3 alert handshake failure',
    );
    const refused = ['sslv3 alert bad certificate', 'sslv3 alert certificate expired', 'tlsv1 alert unknown ca'];
    expect(refused.map((name) => reasonOf(alert(name, 42)))).to.deep.equal(
      ['bad certificate', 'certificate expired', 'unknown ca'].map(
        (what) =>
          `the broker does not take the certificate of SLUICE_AMQP_CERT_FILE (${what}): it has to be valid, and of an authority that the broker knows`,
      ),
    );
  });

  it('gathers what each address of a host answered', () => {
    const refused = (host: string): Error =>
      Object.assign(new Error(`connect ECONNREFUSED ${host}`), { code: 'ECONNREFUSED' });
    expect(reasonOf(new AggregateError([refused('::1'), refused('127.0.0.1')]))).to.equal(
      'connect ECONNREFUSED ::1, connect ECONNREFUSED 127.0.0.1',
    );
  });

  it('adds the code of TLS failures, not that of our own errors', () => {
    const expired = Object.assign(new Error('certificate has expired'), { code: 'CERT_HAS_EXPIRED' });
    expect(reasonOf(expired)).to.equal('CERT_HAS_EXPIRED: certificate has expired');
    expect(reasonOf(new BrokerUnavailableError('late'))).to.equal('late');
  });
});
