/** A certificate authority for one test run: keys and certificates made by openssl in a folder of its own, which goes with them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Availability, defineService, describeWith, type Service } from '../support/services.ts';

export interface Certified {
  readonly cert: string;
  readonly key: string;
}

export interface TestAuthority {
  readonly ca: string;
  /** A certificate for a host, valid for so many days from now; less than 0 for one that has expired. */
  issue(host: string, days?: number): Certified;
  remove(): void;
}

function opensslAvailable(): Availability {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return { available: true };
  } catch {
    return { available: false, reason: 'no openssl is on the PATH', install: 'run `apt-get install openssl`' };
  }
}

const service: Service<TestAuthority> = defineService({
  name: 'openssl',
  availability: opensslAvailable,
  start: async () => createTestAuthority(),
  stop: async (authority) => authority.remove(),
});

/** A suite with an authority that this whole run shares. */
export function describeWithAuthority(title: string, body: (authority: () => TestAuthority) => void): void {
  describeWith(service, title, body);
}

export function createTestAuthority(name = 'test authority'): TestAuthority {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-authority-'));
  const at = (file: string): string => join(folder, file);
  const openssl = (...parameters: string[]): void => {
    execFileSync('openssl', parameters, { stdio: 'ignore' });
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const ofCa = ['-addext', 'keyUsage=critical,keyCertSign'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
    '-subj',
    `/CN=${name}`,
    '-days',
    '2',
    ...ofCa,
  );
  let issued = 0;
  return {
    ca: readFileSync(at('ca.pem'), 'utf8'),
    issue(host, days = 1) {
      const [key, request, cert, extensions] = ['key', 'csr', 'pem', 'ext'].map((ending) => at(`${issued}.${ending}`));
      if (key === undefined || request === undefined || cert === undefined || extensions === undefined)
        throw new Error('no file to write to');
      issued++;
      writeFileSync(extensions, `subjectAltName=DNS:${host}\n`);
      openssl('req', '-new', ...newKey, '-keyout', key, '-out', request, '-subj', `/CN=${host}`);
      const signed = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', extensions];
      openssl('x509', '-req', '-in', request, ...signed, '-days', String(days), '-out', cert);
      return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
