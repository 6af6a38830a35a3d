/** Secrets in files that are replaced, in virtual time: how long the old one counts, what is passed over, and what is told. */
import { expect } from 'chai';
import fc from 'fast-check';
import { asyncScheduler } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { ConfigError } from '../src/errors.ts';
import { type Logger, silentLogger } from '../src/log.ts';
import { rotating } from '../src/rotating.ts';
import { Secret, type Setting } from '../src/setting.ts';

interface File {
  /** What it holds. Undefined: it is not there. */
  text: string | undefined;
  reads: number;
  readonly told: string[];
  /** The secret that counts at a moment; moments come in turn. */
  at(ms: number): string;
}

/** A file that is looked at in virtual time, in which nothing but these moments happens. */
function withFile(text: string, script: (file: File) => void): void {
  const { now } = asyncScheduler;
  let nowMs = 0;
  asyncScheduler.now = () => nowMs;
  try {
    const told: string[] = [];
    const tell = (fields: unknown, message = ''): void =>
      void told.push(`${message}: ${String((fields as { reason?: string }).reason ?? '')}`);
    const log: Logger = { ...silentLogger, info: tell, warn: tell };
    const setting: Setting<Secret> = {
      kind: 'setting',
      name: 'KEY',
      read: () => {
        file.reads++;
        if (file.text === undefined) throw problem('cannot be read');
        return new Secret(file.text);
      },
      canChange: () => true,
    };
    const file: File = { text, reads: 0, told, at: () => '' };
    const current = rotating(
      setting,
      (secret) => {
        if (secret.reveal().length < 3) throw problem('expected 3 characters');
        return secret.reveal();
      },
      log,
    );
    file.at = (ms) => {
      nowMs = ms;
      return current();
    };
    script(file);
  } finally {
    asyncScheduler.now = now;
  }
}

const problem = (message: string): ConfigError =>
  new ConfigError([{ subject: 'environment', path: 'KEY_FILE', message }]);

const REPLACED = 'a secret was replaced: ';
const KEPT = 'a secret cannot be read again: the last good one counts on: environment: KEY_FILE: ';

describe('rotating', () => {
  it('is what there was at the start where nothing can change, and never looks again', () => {
    let reads = 0;
    const fixed: Setting<Secret> = { kind: 'setting', name: 'KEY', read: () => new Secret(`key-${++reads}`) };
    new TestScheduler(() => undefined).run(({ flush }) => {
      const currents = [rotating(new Secret('own'), String, silentLogger), rotating(fixed, String, silentLogger)];
      for (let n = 0; n < 10; n++) asyncScheduler.schedule(() => currents.map((current) => current()), n * 60_000);
      flush();
    });
    expect(reads).to.equal(1);
  });

  it('reads the file once in 5 s at most, and only when it is asked', () => {
    withFile('old', (file) => {
      for (let ms = 0; ms < 60_000; ms += 10) file.at(ms);
      expect(file.reads).to.equal(1 + 11);
      file.at(3_600_000);
      expect(file.reads).to.equal(1 + 12);
      expect(file.told).to.deep.equal([]);
    });
  });

  it('takes what it finds twice, a second apart', () => {
    withFile('old', (file) => {
      file.text = 'new';
      expect(file.at(4_999)).to.equal('old');
      expect(file.at(5_000)).to.equal('old');
      expect(file.at(5_999)).to.equal('old');
      expect(file.told).to.deep.equal([]);
      expect(file.at(6_000)).to.equal('new');
      expect(file.told).to.deep.equal([REPLACED]);
      file.text = 'next';
      expect(file.at(10_999)).to.equal('new');
      expect([file.at(11_000), file.at(12_000)]).to.deep.equal(['new', 'next']);
    });
  });

  it('passes over what is there for one look alone: half of a secret that is being written', () => {
    withFile('old', (file) => {
      file.text = 'half';
      expect(file.at(5_000)).to.equal('old');
      file.text = 'half-and-half';
      expect(file.at(6_000)).to.equal('half-and-half');
      file.text = 'ano';
      file.at(11_000);
      file.text = 'half-and-half';
      expect(file.at(12_000)).to.equal('half-and-half');
      file.text = 'another';
      expect([file.at(17_000), file.at(18_000)]).to.deep.equal(['half-and-half', 'another']);
    });
  });

  it('keeps the last good one while the file is away, empty or unfit, says so once, and takes the next', () => {
    withFile('old', (file) => {
      let ms = 5_000;
      for (const text of [undefined, '', 'no']) {
        file.text = text;
        for (const end = ms + 60_000; ms < end; ms += 100) expect(file.at(ms)).to.equal('old');
      }
      expect(file.told).to.deep.equal([`${KEPT}cannot be read`]);
      // While it is looked for it is looked for every second.
      expect(file.reads).to.be.within(170, 190);
      file.text = 'new';
      expect([file.at(ms + 1_000), file.at(ms + 2_000)]).to.deep.equal(['old', 'new']);
      file.text = 'no';
      expect(file.at(ms + 8_000)).to.equal('new');
      expect(file.told).to.deep.equal([`${KEPT}cannot be read`, REPLACED, `${KEPT}expected 3 characters`]);
    });
  });

  it('looks again after the clock was set back', () => {
    withFile('old', (file) => {
      file.at(7_200_000);
      file.text = 'new';
      expect([file.at(3_600_000), file.at(3_601_000)]).to.deep.equal(['old', 'new']);
    });
  });

  it('has the old one for less than 10 s and the new one from then on, whenever it is asked', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 40 }),
        fc.integer({ min: 0, max: 40_000 }),
        (asked, changedMs) => {
          withFile('old', (file) => {
            const moments = [...asked, changedMs + 10_000].sort((a, b) => a - b);
            for (const ms of moments) {
              if (ms >= changedMs) file.text = 'new';
              const current = file.at(ms);
              if (ms < changedMs) expect(current).to.equal('old');
              if (ms >= changedMs + 10_000) expect(current).to.equal('new');
            }
          });
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('fails at once where there is nothing good at the start', () => {
    expect(() => withFile('no', () => undefined)).to.throw(ConfigError, 'expected 3 characters');
  });
});
