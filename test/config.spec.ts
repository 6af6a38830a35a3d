import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { env, readConfig } from '../src/config.ts';
import { ConfigError, describeProblem } from '../src/errors.ts';
import { canChange, isSetting, Secret } from '../src/setting.ts';

const PIN = `${'A'.repeat(43)}=`;

const problemsOf = (environment: Record<string, string>): string[] => {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(describeProblem);
    throw error;
  }
};

describe('readConfig', () => {
  it('fills in its defaults', () => {
    expect(readConfig({})).to.deep.equal({
      amqpUrls: undefined,
      rereadAmqpUrls: undefined,
      amqpAuth: 'plain',
      amqpTls: undefined,
      logLevel: 'info',
      logFormat: undefined,
      host: '127.0.0.1',
      port: undefined,
      token: undefined,
      doorHost: '127.0.0.1',
      doorPort: undefined,
      doorProxies: [],
      doorNames: [],
      keySecret: undefined,
      startWithinMs: undefined,
      dashboardPayloads: [],
      gracePeriodMs: 30_000,
      maxCalls: 1_000,
      topology: 'assert',
      journal: { kind: 'memory' },
      journalKeepMs: 604_800_000,
      journalLeaseMs: 30_000,
    });
  });

  it('reads where the front door is, and whom it believes', () => {
    const read = (environment: Record<string, string>) => {
      const { doorPort, doorProxies } = readConfig(environment);
      return [doorPort, doorProxies];
    };
    expect(read({ SLUICE_DOOR_PORT: 'off' })).to.deep.equal(['off', []]);
    expect(read({ SLUICE_DOOR_PORT: '0', SLUICE_DOOR_PROXIES: '10.0.0.0/8, ::1' })).to.deep.equal([
      0,
      ['10.0.0.0/8', '::1'],
    ]);
    expect(
      problemsOf({ SLUICE_DOOR_PORT: '65536', SLUICE_DOOR_PROXIES: 'proxy', SLUICE_DOOR_HOST: 'a b' }),
    ).to.have.length(3);
    for (const wrong of ['65536', 'of', '999999'])
      expect(problemsOf({ SLUICE_DOOR_PORT: wrong }), wrong).to.have.length(1);
    for (const wrong of ['10.0.0.0/33', '999.1.1.1', '::/129', '::1/', '1:2', '10.0.0.1,::g', '10.0.0.0/8/8'])
      expect([wrong, problemsOf({ SLUICE_DOOR_PROXIES: wrong }).length]).to.deep.equal([wrong, 1]);
  });

  it('reads under which names the front door is asked, without port and scheme', () => {
    const names = (text: string) => readConfig({ SLUICE_DOOR_NAMES: text }).doorNames;
    expect(names('API.example.com, 192.168.1.7,shop')).to.deep.equal(['api.example.com', '192.168.1.7', 'shop']);
    for (const wrong of ['https://a.example', 'a.example:443', 'a.example/', '*', 'a b', '[::1]', 'a,,b', '1.2.3', 'é'])
      expect([wrong, problemsOf({ SLUICE_DOOR_NAMES: wrong }).length]).to.deep.equal([wrong, 1]);
  });

  it('reads what the dashboard may show', () => {
    const shown = (text: string) => readConfig({ SLUICE_DASHBOARD_PAYLOADS: text }).dashboardPayloads;
    expect(shown('all')).to.equal('all');
    expect(shown('order_id, items.sku')).to.deep.equal(['order_id', 'items.sku']);
    expect(() => shown('order id')).to.throw(ConfigError, 'expected all, or names of fields and headers');
  });

  it('reads what is set, and several brokers', () => {
    const { amqpUrls, gracePeriodMs, port } = readConfig({
      AMQP_URL: 'amqp://a:b@one/v, amqp://a:b@two/v',
      SLUICE_GRACE_PERIOD: '2m',
      SLUICE_PORT: '9000',
    });
    expect(amqpUrls).to.deep.equal(['amqp://a:b@one/v', 'amqp://a:b@two/v']);
    expect(gracePeriodMs).to.equal(120_000);
    expect(port).to.equal(9_000);
    expect(readConfig({ SLUICE_GRACE_PERIOD: '0' }).gracePeriodMs).to.equal(0);
    expect(readConfig({ SLUICE_START_WITHIN: '1500' }).startWithinMs).to.equal(1_500);
    expect(problemsOf({ SLUICE_START_WITHIN: '0s' }).join()).to.include(
      'SLUICE_START_WITHIN: expected a duration above 0 to 24 days: milliseconds or',
    );
    expect(problemsOf({ SLUICE_GRACE_PERIOD: '30d' }).join()).to.include('expected a duration of 0 to 24 days');
    expect(readConfig({ SLUICE_MAX_CALLS: '20' }).maxCalls).to.equal(20);
  });

  it('reads a value from the file that NAME_FILE names', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'sluice-')), 'url');
    writeFileSync(file, 'amqp://user:pass@host\n');
    expect(readConfig({ AMQP_URL_FILE: file }).amqpUrls).to.deep.equal(['amqp://user:pass@host']);
    expect(problemsOf({ AMQP_URL_FILE: '/nowhere/at/all' }).join()).to.include(
      'environment: AMQP_URL_FILE: cannot be read',
    );
  });

  it('F24: reads the broker’s file again whenever it is asked, for credentials that are replaced, and shows none', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'sluice-')), 'url');
    writeFileSync(file, 'amqp://user:old@host');
    const { rereadAmqpUrls } = readConfig({ AMQP_URL_FILE: file });
    writeFileSync(file, 'amqp://user:new@one, amqp://user:new@two\n');
    expect(rereadAmqpUrls?.()).to.deep.equal(['amqp://user:new@one', 'amqp://user:new@two']);
    writeFileSync(file, 'http://user:canary@host');
    expect(() => rereadAmqpUrls?.())
      .to.throw(ConfigError, 'AMQP_URL_FILE')
      .that.does.not.match(/canary/);
    expect(readConfig({ AMQP_URL: 'amqp://a:b@host', AMQP_URL_FILE: file }).rereadAmqpUrls).to.equal(undefined);
    writeFileSync(file, 'postgres://app:old@host/journal');
    const { journal } = readConfig({ SLUICE_JOURNAL_URL_FILE: file }, { needsBroker: false });
    writeFileSync(file, 'postgres://app:new@host/journal');
    expect(journal.kind === 'postgres' && journal.reread?.()).to.equal('postgres://app:new@host/journal');
  });

  it('reads the token’s file again whenever it is asked, shows none, and reads a pipe once', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-'));
    const file = join(folder, 'token');
    writeFileSync(file, 'canary-canary-old');
    const { token } = readConfig({ SLUICE_TOKEN_FILE: file });
    writeFileSync(file, 'canary-canary-new\n');
    expect(canChange(token)).to.equal(true);
    expect(isSetting(token) && (token.read() as Secret).reveal()).to.equal('canary-canary-new');
    for (const text of ['', 'canary']) {
      writeFileSync(file, text);
      expect(() => isSetting(token) && token.read())
        .to.throw(ConfigError, 'SLUICE_TOKEN_FILE')
        .that.does.not.match(/canary/);
    }
    // As a shell hands on what a command prints: SLUICE_TOKEN_FILE=<(vault read …). Who reads it a second time waits for ever.
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    spawn('sh', ['-c', 'printf canary-canary-pipe > "$0"', pipe], { stdio: 'ignore' });
    const piped = readConfig({ SLUICE_TOKEN_FILE: pipe });
    expect(piped.token instanceof Secret && piped.token.reveal()).to.equal('canary-canary-pipe');
  });

  it('names the variable of the file where that is what holds the mistake', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'sluice-')), 'value');
    writeFileSync(file, 'canary');
    const files = { AMQP_URL_FILE: file, SLUICE_TOKEN_FILE: file, SLUICE_AMQP_CA_FILE: file };
    expect(problemsOf({ ...files, SLUICE_PORT: 'x', SLUICE_PORT_FILE: file })).to.have.members([
      'environment: AMQP_URL_FILE: expected amqp://user:password@host:5672/vhost, or amqps://…',
      'environment: SLUICE_PORT: expected a port number',
      'environment: SLUICE_TOKEN_FILE: expected 16 to 256 printable characters without spaces',
      'environment: SLUICE_AMQP_CA_FILE: is no certificate in PEM',
    ]);
  });

  it('names every mistake at once', () => {
    expect(
      problemsOf({ LOG_LEVEL: 'loud', SLUICE_PORT: 'http', SLUICE_GRACE_PERIOD: '5 s', SLUICE_TOPOLOGY: 'maybe' }),
    ).to.have.length(4);
  });

  it('says what a port is of a number that is none, as of a word', () => {
    for (const port of ['70000', '1e3', '-1', 'http'])
      expect(problemsOf({ SLUICE_PORT: port })).to.deep.equal(['environment: SLUICE_PORT: expected a port number']);
  });

  it('reads where the journal is, one alone, and never says what its URL holds', () => {
    expect(readConfig({ SLUICE_JOURNAL_FILE: '/var/lib/j.db' }).journal).to.deep.equal({
      kind: 'file',
      path: '/var/lib/j.db',
    });
    const url = 'postgres://u:canary@h/d';
    expect(readConfig({ SLUICE_JOURNAL_URL: url, SLUICE_JOURNAL_CONNECTIONS: '3' }).journal).to.deep.equal({
      kind: 'postgres',
      url,
      maxConnections: 3,
    });
    expect(readConfig({ SLUICE_JOURNAL_KEEP: '1h' }).journalKeepMs).to.equal(3_600_000);
    expect(readConfig({ SLUICE_JOURNAL_LEASE: '2m' }).journalLeaseMs).to.equal(120_000);
    for (const lease of ['9s', '11m', 'long'])
      expect(problemsOf({ SLUICE_JOURNAL_LEASE: lease })).to.deep.equal([
        "environment: SLUICE_JOURNAL_LEASE: expected '10s' to '10m': longer than the journal may take to answer",
      ]);
    expect(problemsOf({ SLUICE_JOURNAL_FILE: 'j.db', SLUICE_JOURNAL_URL: url })).to.deep.equal([
      'environment: SLUICE_JOURNAL_FILE: and SLUICE_JOURNAL_URL are both set; a worker has one journal',
    ]);
    const wrong = problemsOf({
      SLUICE_JOURNAL_URL: 'mysql://u:canary@h/d',
      SLUICE_JOURNAL_CONNECTIONS: '0',
      SLUICE_JOURNAL_KEEP: 'long',
    });
    expect(wrong).to.have.length(3);
    expect(wrong.join()).to.not.include('canary');
    expect(problemsOf({ SLUICE_JOURNAL_URL: 'postgres://u:canary@h' }).join()).to.include('names no database');
  });

  it('refuses a number of calls that is none', () => {
    for (const wrong of ['0', '-1', '1.5', 'many', '1e3', '10000000000'])
      expect(problemsOf({ SLUICE_MAX_CALLS: wrong }), wrong).to.deep.equal([
        'environment: SLUICE_MAX_CALLS: expected a number of calls: an integer, at least 1',
      ]);
  });

  it('takes every parameter of a broker URL that the broker takes', () => {
    expect(problemsOf({ AMQP_URL: 'amqp://user:p@host/v?heartbeat=10&frameMax=8192&channelMax=16' })).to.deep.equal([]);
  });

  it('wants a broker in production, and says so together with all else', () => {
    expect(problemsOf({ NODE_ENV: 'production', LOG_LEVEL: 'loud' })).to.have.length(2);
    expect(problemsOf({ NODE_ENV: 'production' })).to.deep.equal([
      'environment: AMQP_URL: is not set; with NODE_ENV=production there has to be a broker: amqp://user:password@host:5672/vhost',
    ]);
    expect(problemsOf({ NODE_ENV: 'production', AMQP_URL: 'amqp://user:p@host' })).to.deep.equal([]);
    const unreadable = problemsOf({ NODE_ENV: 'production', AMQP_URL_FILE: '/nowhere/at/all' });
    expect(unreadable).to.have.length(1);
    expect(unreadable[0]).to.include('AMQP_URL_FILE: cannot be read');
  });

  it('takes a secret for idempotency keys, refuses a short one, and shows neither', () => {
    const { keySecret } = readConfig({ SLUICE_KEY_SECRET: 'canary-canary-canary' });
    expect([keySecret?.reveal(), String(keySecret)]).to.deep.equal(['canary-canary-canary', '[secret]']);
    const [problem] = problemsOf({ SLUICE_KEY_SECRET: 'canary' });
    expect(problem).to.equal('environment: SLUICE_KEY_SECRET: expected at least 16 characters');
  });

  it('wants a token for an address other machines reach, and prints none', () => {
    const missing = 'environment: SLUICE_TOKEN: is not set; 0.0.0.0 can be reached from other machines';
    expect(problemsOf({ SLUICE_HOST: '0.0.0.0' }))
      .to.have.length(1)
      .and.property('0')
      .that.includes(missing);
    for (const host of ['127.0.0.1', '127.1.2.3', 'localhost', '::1', '[::1]'])
      expect(problemsOf({ SLUICE_HOST: host }), host).to.deep.equal([]);
    for (const token of ['short', 'with some spaces in it', 'x'.repeat(257)]) {
      expect(problemsOf({ SLUICE_HOST: '0.0.0.0', SLUICE_TOKEN: token })).to.deep.equal([
        'environment: SLUICE_TOKEN: expected 16 to 256 printable characters without spaces',
      ]);
    }
    for (const host of ['127.0.0.1:8080/x', '0.0.0.0:8080', 'worker.example:80'])
      expect(problemsOf({ SLUICE_HOST: host }), host).to.deep.equal([
        'environment: SLUICE_HOST: expected an address without a port: 127.0.0.1, 0.0.0.0 or a name',
      ]);
    const config = readConfig({ SLUICE_HOST: '0.0.0.0', SLUICE_TOKEN: 'canary-canary-canary' });
    expect(config.token instanceof Secret && config.token.reveal()).to.equal('canary-canary-canary');
    expect(inspect(config) + JSON.stringify(config)).not.to.include('canary');
  });

  it('S11: takes certificates for amqps alone, a pair of them whole, and says who the worker is once', () => {
    const secure = { AMQP_URL: 'amqps://rabbit.example' };
    expect(problemsOf({ AMQP_URL: 'amqp://u:p@rabbit.example', SLUICE_AMQP_PINS: PIN })).to.deep.equal([
      'environment: SLUICE_AMQP_PINS: is for amqps:// alone: every URL of AMQP_URL has to begin with that',
    ]);
    expect(problemsOf({ SLUICE_AMQP_AUTH: 'external' })).to.deep.equal([
      'environment: SLUICE_AMQP_CERT: is not set; SLUICE_AMQP_AUTH=external needs a certificate and its key',
      'environment: SLUICE_AMQP_AUTH: is for amqps:// alone: every URL of AMQP_URL has to begin with that',
    ]);
    expect(problemsOf({ ...secure, SLUICE_AMQP_CA: 'CANARY', SLUICE_AMQP_PINS: 'CANARY' })).to.deep.equal([
      'environment: AMQP_URL: names user "guest" for host rabbit.example: guest is for loopback only; make a user for the worker',
      'environment: SLUICE_AMQP_CA: is no certificate in PEM',
      'environment: SLUICE_AMQP_PINS: are SHA-256 in base64, 44 characters each',
    ]);
    expect(
      problemsOf({ AMQP_URL: 'amqps://u:canary@host', SLUICE_AMQP_AUTH: 'external', SLUICE_AMQP_KEY: 'CANARY' }),
    ).to.deep.equal([
      'environment: AMQP_URL: names a user; with SLUICE_AMQP_AUTH=external the certificate says who the worker is',
      'environment: SLUICE_AMQP_CERT: is not set; SLUICE_AMQP_AUTH=external needs a certificate and its key',
      'environment: SLUICE_AMQP_CERT: is missing: cert and key come together',
    ]);
    expect(readConfig({ AMQP_URL: 'amqps://u:p@host', SLUICE_AMQP_PINS: `${PIN}, ${PIN}` }).amqpTls?.()).to.deep.equal({
      pins: [PIN, PIN],
    });
  });

  it('S11: reads certificates and pins again whenever a broker is connected to, and shows none of them', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'sluice-')), 'pins');
    writeFileSync(file, PIN);
    const { amqpTls } = readConfig({ AMQP_URL: 'amqps://u:p@host', SLUICE_AMQP_PINS_FILE: file });
    const next = PIN.replace('A', 'B');
    writeFileSync(file, `${next}\n`);
    expect(amqpTls?.()).to.deep.equal({ pins: [next] });
    writeFileSync(file, 'canary');
    expect(() => amqpTls?.())
      .to.throw(ConfigError, 'SLUICE_AMQP_PINS')
      .that.does.not.match(/canary/);
  });

  it('names a variable that begins like its own and is none, with the one that was meant', () => {
    expect(
      problemsOf({ SLUICE_GRACE_PERIODE: '5s', SLUICE_PROT_FILE: '/x', SLUICE_COLOUR: 'red', SLUICEPORT: '1' }),
    ).to.deep.equal([
      'environment: SLUICE_GRACE_PERIODE: is no setting of sluice, did you mean "SLUICE_GRACE_PERIOD"?',
      'environment: SLUICE_PROT_FILE: is no setting of sluice, did you mean "SLUICE_PORT_FILE"?',
      'environment: SLUICE_COLOUR: is no setting of sluice; there are SLUICE_AMQP_CA, SLUICE_AMQP_CERT, SLUICE_AMQP_KEY, SLUICE_AMQP_PINS, SLUICE_AMQP_AUTH, SLUICE_PORT, SLUICE_HOST, SLUICE_TOKEN, SLUICE_DOOR_HOST, SLUICE_DOOR_PORT, SLUICE_DOOR_PROXIES, SLUICE_DOOR_NAMES, SLUICE_KEY_SECRET, SLUICE_START_WITHIN, SLUICE_DASHBOARD_PAYLOADS, SLUICE_GRACE_PERIOD, SLUICE_MAX_CALLS, SLUICE_TOPOLOGY, SLUICE_JOURNAL_FILE, SLUICE_JOURNAL_URL, SLUICE_JOURNAL_CONNECTIONS, SLUICE_JOURNAL_KEEP, SLUICE_JOURNAL_LEASE',
    ]);
    expect(
      problemsOf({ SLUICE_TEST_AMQP_URL: 'x', SLUICE_DRAW: '1', SLUICE_RUNS: '9', SLUICE_SEED: '1' }),
    ).to.deep.equal([]);
  });

  for (const [url, reason] of [
    ['http://host', 'expected amqp://'],
    ['amqp://user:p%ss@host/v', 'has a "%" that begins no escape'],
    ['amqp://user:hunter2@host/a/b', 'virtual host'],
    ['amqp://user:hunter2@host/v?heartbeat=abc', 'heartbeat'],
    ['amqp://user:hunter2@host/v?heartbeat=0', 'expected heartbeat to be an integer from 1 to 65535'],
    ['amqp://user:hunter2@host/v?frameMax=4000', 'frameMax'],
    ['amqp://user:hunter2@host/v?channelMax=1e3', 'channelMax'],
    ['amqp://user:hunter2@host/v?hartbeat=10', 'has an unknown parameter, did you mean "heartbeat"?'],
    ['amqp://user:hunter2@host/v?toString=1', 'known are heartbeat, frameMax, channelMax'],
    // A password with "?" in it ends the host early: what follows is no parameter's name to be shown.
    ['amqp://user:12?hunter2@host/v', 'has an unknown parameter; known are heartbeat, frameMax, channelMax'],
    ['amqp://guest:hunter2@rabbit.example/v', 'guest is for loopback only'],
  ] as const) {
    it(`B38, B40: refuses ${url}, and does not print the password`, () => {
      expect(problemsOf({ AMQP_URL: url }).join())
        .to.include('environment: AMQP_URL: ')
        .and.include(reason)
        .and.not.include('hunter2')
        .and.not.include('p%ss');
    });
  }
});

describe('env', () => {
  it('reads late: a missing value is no mistake before somebody asks for it', () => {
    const setting = env.url('SLUICE_SPEC_URL');
    expect(() => setting.read()).to.throw(
      ConfigError,
      'environment: SLUICE_SPEC_URL: is not set; set SLUICE_SPEC_URL, or SLUICE_SPEC_URL_FILE to a file that holds it',
    );
    process.env.SLUICE_SPEC_URL = 'https://api.example/v1';
    expect(setting.read()).to.equal('https://api.example/v1');
    process.env.SLUICE_SPEC_URL = 'ftp://x';
    expect(() => setting.read()).to.throw('expected a URL that begins with http:// or https://');
    delete process.env.SLUICE_SPEC_URL;
    expect(env.url('SLUICE_SPEC_URL', 'http://localhost:1').read()).to.equal('http://localhost:1');
  });

  it('masks a secret wherever it is turned into text', () => {
    process.env.SLUICE_SPEC_SECRET = 'canary';
    const secret = env.secret('SLUICE_SPEC_SECRET').read();
    delete process.env.SLUICE_SPEC_SECRET;
    expect(secret).to.be.instanceOf(Secret);
    expect(secret.reveal()).to.equal('canary');
    expect(
      [`${secret}`, JSON.stringify({ secret }), inspect({ secret }, { showHidden: true, depth: 9 })].join(),
    ).to.not.include('canary');
  });
});
