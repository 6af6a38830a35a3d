import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { asyncScheduler, firstValueFrom, map, type Observable, Subject, takeUntil } from 'rxjs';
import { latestValueFrom } from 'rxjs-for-await';
import type { Logger } from '../../src/log.ts';
import { faultOfOrigin } from '../../src/management/admission.ts';
import {
  type ManagementServer,
  type ManagementServerOptions,
  startManagementServer,
} from '../../src/management/management-server.ts';
import { jsonAnswer, type ManagementRequest, type Route } from '../../src/management/route.ts';
import { Secret } from '../../src/setting.ts';
import { eventually } from '../support/eventually.ts';

const TOKEN = 'a-token-of-24-characters';
const bearer = { authorization: `Bearer ${TOKEN}` };
const json = { 'content-type': 'application/json' };

describe('the management server', function () {
  this.timeout(120_000);
  let server: ManagementServer;
  let lines: { readonly level: string; readonly message: string; readonly [field: string]: unknown }[];
  let asked: ManagementRequest[];
  const sockets: Socket[] = [];

  const recording = (): Logger => {
    const at =
      (level: string) =>
      (fields: object | string, message = ''): void => {
        lines.push(typeof fields === 'string' ? { level, message: fields } : { level, message, ...fields });
      };
    const log: Logger = {
      trace: at('trace'),
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: () => log,
    };
    return log;
  };

  const routes = (): readonly Route[] => [
    { method: 'GET', path: '/open', isOpen: true, answer: ({ isTrusted }) => jsonAnswer(200, { isTrusted }) },
    { method: 'GET', path: '/data', answer: ({ query }) => jsonAnswer(200, { of: query.get('of') }) },
    {
      method: 'POST',
      path: '/act',
      isOpen: true,
      answer: (action) => {
        asked.push(action);
        return jsonAnswer(202, { done: true });
      },
    },
    {
      method: 'GET',
      path: '/fails',
      answer: async () => {
        throw new Error('the inside of it');
      },
    },
  ];

  const start = async (options: Partial<ManagementServerOptions> = {}): Promise<void> => {
    lines = [];
    asked = [];
    server = await startManagementServer({
      host: '127.0.0.1',
      port: 0,
      token: undefined,
      log: recording(),
      ...options,
    });
    server.serve(routes());
  };

  /** Bytes as they are, for what no client sends. */
  const dial = async (): Promise<Socket> => {
    const { port } = new URL(server.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => {});
    sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  };
  const rawAnswer = async (text: string): Promise<string> => {
    const socket = await dial();
    let heard = '';
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
    });
    socket.write(text);
    await once(socket, 'close');
    return heard;
  };
  const statusWith = async (head: string): Promise<number> =>
    Number((await rawAnswer(`${head}\r\nConnection: close\r\n\r\n`)).split(' ')[1]);

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await server.close();
  });

  describe('without a token', () => {
    beforeEach(() => start());

    it('serves what there is to see on loopback, by GET and HEAD', async () => {
      const data = await fetch(`${server.url}/data?of=all`);
      expect([data.status, await data.json()]).to.deep.equal([200, { of: 'all' }]);
      const head = await fetch(`${server.url}/data`, { method: 'HEAD' });
      expect([head.status, await head.text()]).to.deep.equal([200, '']);
      expect(data.headers.get('content-security-policy')).to.include("default-src 'none'");
      expect(data.headers.get('x-content-type-options')).to.equal('nosniff');
    });

    it('refuses every action, open or not, and says what would be needed', async () => {
      const answer = await fetch(`${server.url}/act`, { method: 'POST', headers: { ...json, ...bearer }, body: '{}' });
      expect(answer.status).to.equal(403);
      expect(await answer.text()).to.include('set SLUICE_TOKEN');
      expect(asked).to.deep.equal([]);
    });

    it('answers what it does not know with 404, and a method that is not served with 405 and those that are', async () => {
      const unknown = await fetch(`${server.url}/../../etc/passwd`);
      expect([unknown.status, await unknown.json()]).to.deep.equal([
        404,
        { error: 'there are /act, /data, /fails, /open' },
      ]);
      expect(await statusWith('GET /open/../data HTTP/1.1\r\nHost: localhost')).to.equal(404);
      expect(await statusWith('GET /%2e%2e/data HTTP/1.1\r\nHost: localhost')).to.equal(404);
      const wrong = await fetch(`${server.url}/data`, { method: 'DELETE' });
      expect([wrong.status, wrong.headers.get('allow')]).to.deep.equal([405, 'GET, HEAD']);
      expect((await fetch(`${server.url}/act`)).headers.get('allow')).to.equal('POST');
      expect(await statusWith('BREW /data HTTP/1.1\r\nHost: localhost')).to.equal(400);
    });

    it('refuses a name that was pointed at loopback, and the requests of foreign pages', async () => {
      const { port } = new URL(server.url);
      expect(await statusWith('GET /data HTTP/1.1\r\nHost: evil.example')).to.equal(421);
      expect(await statusWith(`GET /data HTTP/1.1\r\nHost: 127.0.0.1.evil.example:${port}`)).to.equal(421);
      const fault = faultOfOrigin({ host: 'proxy.example' }, { isLoopback: true, token: undefined });
      expect(fault?.body).to.include('for a proxy or another name set SLUICE_HOST');
      const rewritten = faultOfOrigin(
        { host: '127.0.0.1:8080', origin: 'https://proxy.example' },
        { isLoopback: false, token: undefined },
      );
      expect(rewritten?.status).to.equal(403);
      expect(rewritten?.body).to.include('a proxy in front has to hand on Host as it came');
      expect(await statusWith(`GET /data HTTP/1.1\r\nHost: localhost:${port}`)).to.equal(200);
      expect(await statusWith('GET /data HTTP/1.1\r\nHost: [::1]')).to.equal(200);
      expect(await statusWith('GET /data HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example')).to.equal(403);
      expect(await statusWith('GET /data HTTP/1.1\r\nHost: localhost\r\nOrigin: null')).to.equal(403);
      expect(await statusWith('GET /data HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:1')).to.equal(403);
      expect(await statusWith('GET /data HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost')).to.equal(200);
    });

    it('refuses what a browser fetches for a foreign page without an Origin: pictures, frames, scripts', async () => {
      const from = (path: string, site: string): Promise<number> =>
        statusWith(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: ${site}\r\nSec-Fetch-Mode: no-cors`);
      for (const site of ['cross-site', 'same-site']) expect(await from('/data', site), site).to.equal(403);
      for (const site of ['same-origin', 'none']) expect(await from('/data', site), site).to.equal(200);
      expect(await from('/open', 'cross-site'), 'what holds no data').to.equal(200);
    });

    it('keeps what went wrong in a route for the log', async () => {
      const answer = await fetch(`${server.url}/fails`);
      expect(answer.status).to.equal(500);
      expect(await answer.text()).not.to.include('inside');
      expect(lines).to.have.length(1);
      expect(lines[0]).to.deep.include({ level: 'error', path: '/fails' });
    });

    it('no longer serves routes that were taken back', async () => {
      const takeBack = server.serve([{ method: 'GET', path: '/late', answer: () => jsonAnswer(200, {}) }]);
      expect((await fetch(`${server.url}/late`)).status).to.equal(200);
      takeBack();
      expect((await fetch(`${server.url}/late`)).status).to.equal(404);
    });
  });

  describe('with a token', () => {
    beforeEach(() => start({ token: new Secret(TOKEN) }));

    it('shows what is open to everybody, and the rest to who shows the token', async () => {
      expect(await (await fetch(`${server.url}/open`)).json()).to.deep.equal({ isTrusted: false });
      expect(await (await fetch(`${server.url}/open`, { headers: bearer })).json()).to.deep.equal({ isTrusted: true });
      for (const authorization of ['', 'Bearer', 'Bearer x', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, `Bearer ${TOKEN} x`])
        expect((await fetch(`${server.url}/data`, { headers: { authorization } })).status, authorization).to.equal(401);
      expect((await fetch(`${server.url}/data`, { headers: bearer })).status).to.equal(200);
      expect(await (await fetch(`${server.url}/nowhere`)).json()).to.deep.equal({ error: 'not found' });
    });

    it('does an action for who shows the token, and writes a line about it', async () => {
      const post = (headers: Record<string, string>, body = '{"queue":"orders"}') =>
        fetch(`${server.url}/act`, { method: 'POST', headers, body });
      expect((await post(json)).status).to.equal(401);
      expect((await post({ ...json, ...bearer })).status).to.equal(202);
      expect(asked.map(({ body }) => body)).to.deep.equal([{ queue: 'orders' }]);
      expect(lines.map(({ level, message, action, status }) => [level, message, action, status])).to.deep.equal([
        ['warn', 'an action was refused', '/act', 401],
        ['info', 'action', '/act', 202],
      ]);
    });

    it('writes few lines about many refusals', async () => {
      for (let i = 0; i < 20; i++) await fetch(`${server.url}/act`, { method: 'POST', headers: json, body: '{}' });
      expect(lines).to.have.length(1);
    });

    it('B42: refuses a body that is too large, no JSON, or of a form', async () => {
      const status = async (body: string, headers: Record<string, string> = json): Promise<number> =>
        (await fetch(`${server.url}/act`, { method: 'POST', headers: { ...headers, ...bearer }, body })).status;
      expect(await status('x'.repeat(10 * 1024 * 1024))).to.equal(413);
      expect(await status('{')).to.equal(400);
      expect(await status('a=b', { 'content-type': 'application/x-www-form-urlencoded' })).to.equal(415);
      expect(asked).to.deep.equal([]);
    });

    it('refuses a body that grows too large without having said so', async () => {
      const outgoing = request(`${server.url}/act`, { method: 'POST', headers: { ...json, ...bearer } });
      outgoing.on('error', () => {});
      const answered = once(outgoing, 'response');
      for (let i = 0; i < 10; i++) outgoing.write('x'.repeat(10_000));
      const [response] = await answered;
      expect(response.statusCode).to.equal(413);
      response.resume();
      outgoing.destroy();
    });

    it('does not read the body of whom it refuses', async () => {
      const answer = await fetch(`${server.url}/act`, { method: 'POST', headers: json, body: 'x'.repeat(10_000_000) });
      expect(answer.status).to.equal(401);
      expect(answer.headers.get('connection')).to.equal('close');
    });
  });

  it('B40: refuses to be reached from other machines without a token', async () => {
    await start();
    let failure: unknown;
    const log = recording();
    await startManagementServer({ host: '0.0.0.0', port: 0, token: undefined, log }).catch((error: unknown) => {
      failure = error;
    });
    expect(String(failure)).to.include('0.0.0.0 is not loopback: it needs a token');
  });

  it('answers to any name off loopback, where the token stands for it', async () => {
    await start({ host: '0.0.0.0', token: new Secret(TOKEN) });
    const head = `GET /data HTTP/1.1\r\nHost: worker:8080`;
    expect(await statusWith(head)).to.equal(401);
    expect(await statusWith(`${head}\r\nAuthorization: Bearer ${TOKEN}`)).to.equal(200);
  });

  it('lets a route work for longer than a reader may stall: a replay of many letters takes minutes', async () => {
    await start({ stallMs: 50 });
    server.serve([
      {
        method: 'GET',
        path: '/slow',
        answer: () => new Promise((resolve) => setTimeout(() => resolve(jsonAnswer(200, { done: true })), 400)),
      },
    ]);
    const answer = await fetch(`${server.url}/slow`);
    expect(await answer.json()).to.deep.equal({ done: true });
  });

  it('B42: cuts off who sends a request byte by byte', async () => {
    await start({ requestTimeoutMs: 100 });
    expect(await rawAnswer('GET /data HTTP/1.1\r\nHost: local')).to.match(/^HTTP\/1.1 408|^$/);
    await server.close();
    await start({ requestTimeoutMs: 100, token: new Secret(TOKEN) });
    const head = `POST /act HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: 10`;
    expect(await rawAnswer(`${head}\r\n\r\n{`)).to.match(/^HTTP\/1.1 408|^$/);
    expect(asked).to.deep.equal([]);
  });

  it('waits at its close for nobody who has sent nothing, half a head or half a body', async () => {
    await start({ token: new Secret(TOKEN) });
    const head = `POST /act HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: 10\r\n`;
    for (const part of ['', head, `${head}\r\n{`]) (await dial()).write(part);
    expect((await fetch(`${server.url}/open`)).status).to.equal(200);
    await server.close();
    expect(asked).to.deep.equal([]);
  });

  it('B42: lets new requests in where a thousand connections stay silent', async () => {
    await start({ maxConnections: 20 });
    const silent = await Promise.all(Array.from({ length: 1_000 }, dial));
    expect((await fetch(`${server.url}/data`)).status).to.equal(200);
    await eventually('the silent are cut', () => silent.filter(({ closed }) => !closed).length <= 20);
  });

  describe('streams', () => {
    let source: Subject<string>;
    let opened: number;
    let left: number;
    const streaming = (): Route => ({
      method: 'GET',
      path: '/events',
      answer: () => ({
        contentType: 'text/event-stream',
        texts: (gone: Observable<void>) => {
          opened++;
          gone.subscribe({ complete: () => left++ });
          return latestValueFrom(source.pipe(takeUntil(gone)));
        },
      }),
    });
    const open = async (): Promise<Response> => fetch(`${server.url}/events`);
    const startStreaming = async (options: Partial<ManagementServerOptions> = {}): Promise<void> => {
      source = new Subject();
      opened = left = 0;
      await start(options);
      server.serve([streaming()]);
    };

    it('hand on what comes, and end when the reader leaves', async () => {
      await startStreaming();
      const leaving = new AbortController();
      const response = await fetch(`${server.url}/events`, { signal: leaving.signal });
      expect(response.headers.get('content-type')).to.equal('text/event-stream');
      const reader = response.body?.getReader();
      await eventually('it listens', () => source.observed);
      source.next('data: 1\n\n');
      expect(new TextDecoder().decode((await reader?.read())?.value)).to.equal('data: 1\n\n');
      leaving.abort();
      await eventually('nobody listens', () => !source.observed);
      expect(left).to.equal(1);
    });

    it('B42: are bounded in number: the next is refused, and has a place when one has left', async () => {
      await startStreaming({ maxStreams: 3, maxConnections: 2_000 });
      const leaving = new AbortController();
      const held = await Promise.all(
        Array.from({ length: 3 }, () => fetch(`${server.url}/events`, { signal: leaving.signal })),
      );
      expect(held.map(({ status }) => status)).to.deep.equal([200, 200, 200]);
      // Fewer at once than the system lets wait to be accepted, which is 511 here: it resets the rest where the server is slow.
      for (let batch = 0; batch < 10; batch++) {
        const statuses = await Promise.all(
          Array.from({ length: 100 }, async () => {
            const response = await open();
            await response.text();
            return response.status;
          }),
        );
        expect(new Set(statuses)).to.deep.equal(new Set([503]));
      }
      expect(opened).to.equal(3);
      expect((await fetch(`${server.url}/data`)).status).to.equal(200);
      leaving.abort();
      await eventually('they have left', () => left === 3);
      const next = await open();
      expect(next.status).to.equal(200);
    });

    it('have a place again when the connection is gone on which they stand behind another', async () => {
      await startStreaming({ maxStreams: 2 });
      const socket = await dial();
      socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(2));
      await eventually('both are open', () => opened === 2);
      socket.destroy();
      await eventually('both have left', () => left === 2);
      expect((await open()).status).to.equal(200);
    });

    it('may be as many on one connection as there are, without a warning of too many listeners', async () => {
      await startStreaming();
      const warned: Error[] = [];
      const hear = (warning: Error): unknown => warned.push(warning);
      process.on('warning', hear);
      const socket = await dial();
      socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(16));
      await eventually('all are open', () => opened === 16);
      socket.destroy();
      await eventually('all have left', () => left === 16);
      process.off('warning', hear);
      expect(warned).to.deep.equal([]);
    });

    it('cut off a reader who takes nothing, and hold no more for him than his socket does', async () => {
      await startStreaming({ stallMs: 100 });
      const socket = await dial();
      socket.pause();
      socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await eventually('it listens', () => source.observed);
      const text = 'x'.repeat(1024 * 1024);
      await eventually('he is cut off', () => {
        source.next(text);
        return !source.observed;
      });
      await eventually('his connection is closed', () => left === 1);
    });

    const NEXT_TOKEN = 'another-token-of-24-chars';
    /** With a token in a file: `replace` puts the next one there, and lets the time pass for which the old one may still count. */
    async function withTokenFile(work: (replace: () => void) => Promise<void>): Promise<void> {
      const { now } = asyncScheduler;
      let laterMs = 0;
      let held = TOKEN;
      const read = (): Secret => new Secret(held);
      asyncScheduler.now = () => now() + laterMs;
      try {
        await startStreaming({ token: { kind: 'setting', name: 'SLUICE_TOKEN', read, canChange: () => true } });
        await work(() => {
          held = NEXT_TOKEN;
          laterMs = 10_000;
        });
      } finally {
        asyncScheduler.now = now;
      }
    }

    it('S1: end, and open no more, once the token they were opened by is no longer in its file', async () => {
      await withTokenFile(async (replace) => {
        const opening = () => fetch(`${server.url}/events`, { headers: bearer });
        const response = await opening();
        await eventually('it listens', () => source.observed);
        const ended = response.text();
        replace();
        expect(await ended).to.equal('');
        expect(left).to.equal(1);
        const statusOf = async (path: string, headers: Record<string, string>) =>
          (await fetch(`${server.url}${path}`, { headers })).status;
        const next = { authorization: `Bearer ${NEXT_TOKEN}` };
        expect([await statusOf('/data', bearer), (await opening()).status]).to.deep.equal([401, 401]);
        expect(await statusOf('/data', next)).to.equal(200);
        expect(lines).to.deep.include({ level: 'info', message: 'a secret was replaced', setting: 'SLUICE_TOKEN' });
      });
    });

    it('S1: show nothing where the token they were let in by is replaced while their route makes them ready', async () => {
      await withTokenFile(async (replace) => {
        const ready = new Subject<void>();
        const { answer } = streaming();
        server.serve([
          { method: 'GET', path: '/later', answer: (asking) => firstValueFrom(ready.pipe(map(() => answer(asking)))) },
        ] as readonly Route[]);
        let ended: string | undefined;
        void fetch(`${server.url}/later`, { headers: bearer }).then(async (response) => {
          ended = await response.text();
        });
        await eventually('it is let in', () => ready.observed);
        replace();
        ready.next();
        await eventually('it listens or has ended', () => source.observed || ended !== undefined);
        source.next('data: 1\n\n');
        await eventually('it has ended', () => ended !== undefined);
        expect(ended).to.equal('');
        expect([opened, left]).to.deep.equal([1, 1]);
      });
    });

    it('end when the server closes', async () => {
      await startStreaming();
      const response = await open();
      await eventually('it listens', () => source.observed);
      const ended = response.text().catch(() => 'cut');
      await server.close();
      await ended;
      expect(source.observed).to.equal(false);
      expect(left).to.equal(1);
    });
  });
});
