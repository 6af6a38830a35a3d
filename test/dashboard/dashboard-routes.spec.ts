/** What browsers are told beside what the model knows. */
import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { dashboardRoutes } from '../../src/dashboard/dashboard-routes.ts';
import type { LetterDesk } from '../../src/dashboard/letter-desk.ts';
import { DashboardModel } from '../../src/dashboard/model.ts';
import type { Frame, ReplayUnderWay } from '../../src/dashboard/wire.ts';
import { silentLogger } from '../../src/log.ts';

const notAsked = (): Promise<never> => Promise.reject(new Error('nobody asks for that'));

/** The first frame of a browser that comes. */
async function firstFrame(letters: LetterDesk | undefined): Promise<Frame> {
  const routes = dashboardRoutes(new DashboardModel([]), { log: silentLogger, letters });
  const events = routes.find(({ path }) => path === '/events');
  const answer = await events?.answer({
    query: new URLSearchParams(),
    body: undefined,
    isTrusted: true,
    header: () => undefined,
  });
  if (answer === undefined || !('texts' in answer)) throw new Error('no stream');
  for await (const text of answer.texts(NEVER)) return JSON.parse(text.split('data: ')[1] ?? '') as Frame;
  throw new Error('no frame');
}

describe('the routes of the dashboard', () => {
  it('tell every browser how far a replay of dead letters is, while one is under way', async () => {
    let underWay: ReplayUnderWay | undefined;
    const desk: LetterDesk = {
      list: notAsked,
      show: notAsked,
      rehearse: notAsked,
      replay: notAsked,
      replaying: () => underWay,
    };
    expect(await firstFrame(undefined)).to.not.have.property('replay');
    expect(await firstFrame(desk)).to.not.have.property('replay');
    underWay = { queue: 'orders.paid', fingerprint: '0123abcd', perSecond: 2, letters: 40, looked: 12, replayed: 11 };
    expect((await firstFrame(desk)).replay).to.deep.equal(underWay);
  });
});
