/** What becomes of a new article, as marbles: three services are told, each for itself. */
import { exchange } from 'sluice';
import {
  ack,
  call,
  deadLetter,
  httpError,
  marbles as marblesOf,
  ok,
  published,
  returned,
  status,
} from 'sluice/testing';
import contentSyndication from '../../pipelines/content-syndication.ts';

const marbles = marblesOf<'twitter' | 'linkedin' | 'analytics'>;

const article = { id: 'a-1', title: 'Teapots', url: 'https://example.com/teapots', author: 'Ada' };
const told = {
  t: call('twitter', 'POST /tweet', { body: { text: 'Teapots https://example.com/teapots' } }),
  l: call('linkedin', 'POST /share', { body: { title: 'Teapots', url: article.url, author: 'Ada' } }),
  a: call('analytics', 'POST /track-event'),
};
const fulfilled = { status: 'fulfilled' };
const rejected = (reason: string) => ({ status: 'rejected', reason });
const syndicated = (outcomes: object) =>
  published(exchange('articles', 'article.syndicated'), { articleId: 'a-1', outcomes });

describe('content-syndication', () => {
  it(
    'tells all three services at once',
    marbles(contentSyndication, ({ deliver, api, expectCalls, expectPublished, expectSettled }) => {
      deliver('                               a----', { a: article });
      api.twitter.on('POST /tweet', '         -(r|) ', { r: ok() });
      api.linkedin.on('POST /share', '        ---(r|)', { r: ok() });
      api.analytics.on('POST /track-event', ' --(r|)', { r: ok() });

      expectCalls('                           (tla)', told);
      expectPublished('                       ---p-', {
        p: syndicated({ twitter: fulfilled, linkedin: fulfilled, analytics: fulfilled }),
      });
      expectSettled('                         ---A-', { A: ack(article) });
    }),
  );

  it(
    'tells one that is overloaded again, while the others are done',
    marbles(contentSyndication, { random: () => 0.5 }, ({ deliver, api, expectCalls, expectPublished }) => {
      deliver('                               a', { a: article });
      api.twitter.on('POST /tweet', '         -(r|)', { r: ok() });
      api.linkedin.on('POST /share', ['       -(o|)', '-(r|)'], { o: status(429), r: ok() });
      api.analytics.on('POST /track-event', ' -(r|)', { r: ok() });

      expectCalls('                           (tla) 46ms l', told);
      expectPublished('                       ----- 46ms -p', {
        p: syndicated({ twitter: fulfilled, linkedin: fulfilled, analytics: fulfilled }),
      });
    }),
  );

  it(
    'reports in part when a service refuses: the others are told all the same',
    marbles(contentSyndication, ({ deliver, api, expectPublished, expectSettled }) => {
      deliver('                               a---', { a: article });
      api.twitter.on('POST /tweet', '         -#   ', {}, httpError(403));
      api.linkedin.on('POST /share', '        ---(r|)', { r: ok() });
      api.analytics.on('POST /track-event', ' -(r|)', { r: ok() });

      expectPublished('                       ---p', {
        p: syndicated({
          twitter: rejected('twitter POST /tweet: answered 403'),
          linkedin: fulfilled,
          analytics: fulfilled,
        }),
      });
      expectSettled('                         ---A', { A: ack(article) });
    }),
  );

  it(
    'gives a service that hangs three times 5 s, and no more',
    marbles(contentSyndication, { random: () => 0.5 }, ({ deliver, api, expectPublished, expectSubscriptions }) => {
      deliver('                               a', { a: article });
      api.twitter.on('POST /tweet', '         -(r|)', { r: ok() });
      const share = api.linkedin.on('POST /share', '-');
      api.analytics.on('POST /track-event', ' -(r|)', { r: ok() });

      expectSubscriptions(share.subscriptions).toBe([
        '                                     ^ 4999ms !',
        '                                     - 4999ms - 49ms ^ 4999ms !',
        '                                     - 4999ms - 49ms - 4999ms - 99ms ^ 4999ms !',
      ]);
      expectPublished('                       - 4999ms - 49ms - 4999ms - 99ms - 4999ms p', {
        p: syndicated({
          twitter: fulfilled,
          linkedin: rejected('gave up after 3 attempts: linkedin POST /share: no complete answer within 5000 ms'),
          analytics: fulfilled,
        }),
      });
    }),
  );

  it(
    'does not lose the article when the connection breaks: it comes back, and is told again',
    marbles(contentSyndication, ({ deliver, api, at, broker, expectCalls, expectPublished, expectSettled }) => {
      deliver('                               a', { a: article });
      api.twitter.on('POST /tweet', '         -(r|)', { r: ok() });
      api.linkedin.on('POST /share', '        -----(r|)', { r: ok() });
      api.analytics.on('POST /track-event', ' -(r|)', { r: ok() });
      at('                                    --x', { x: () => broker.cutConnections() });

      expectCalls('                           (tla) 97ms (tla)', told);
      expectSettled('                         --R 104ms A', { R: returned(article), A: ack(article) });
      expectPublished('                       --- 104ms p', {
        p: syndicated({ twitter: fulfilled, linkedin: fulfilled, analytics: fulfilled }),
      });
    }),
  );

  it(
    'dead-letters what is no article',
    marbles(contentSyndication, ({ deliver, expectCalls, expectSettled }) => {
      const draft = { ...article, url: 'soon' };
      deliver('      a-', { a: draft });
      expectCalls('  --');
      expectSettled('D-', { D: deadLetter(draft, 'ERR_PAYLOAD_INVALID') });
    }),
  );
});
