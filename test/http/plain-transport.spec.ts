/** What an API without an `axios` function does without axios, and with a part of undici. */
import { expect } from 'chai';
import * as undici from 'undici';
import { readAxios } from '../../src/http/axios-instance.ts';
import { OWN_HEADERS } from '../../src/http/plain-transport.ts';
import { partsOfUndici } from '../../src/http/undici-lane.ts';

describe('a plain transport', () => {
  it('sends what an untouched axios instance would send, in its order', () => {
    const { headers, isAccepted, fitsFastLane } = readAxios({ subject: 'x', maxRequestBytes: 1, maxResponseBytes: 1 });
    for (const ofMethod of Object.values(headers))
      expect(Object.entries(ofMethod)).to.deep.equal(Object.entries(OWN_HEADERS));
    expect([isAccepted, fitsFastLane]).to.deep.equal([undefined, true]);
  });

  it('works with the very parts that undici exports', () => {
    const { Client, buildConnector, parseHeaders } = partsOfUndici();
    expect(Client).to.equal(undici.Client);
    expect(buildConnector).to.equal(undici.buildConnector);
    expect(parseHeaders).to.equal(undici.util.parseHeaders);
  });
});
