/** Tells three services of a new article, independently: one that fails keeps the others from nothing. */
import { map } from 'rxjs';
import { definePipeline, exchange, gatherSettled, queue } from 'sluice';
import { z } from 'zod';
import { analytics, linkedin, twitter } from './apis.ts';

const Article = z.object({ id: z.string().min(1), title: z.string().min(1), url: z.url(), author: z.string().min(1) });

export default definePipeline({
  name: 'content-syndication',
  source: queue('articles.published'),
  input: Article,
  apis: { twitter, linkedin, analytics },
  // Each branch may fail alone: no service holds up the others.
  needs: [],
  publishes: ['articles'],
  handle: ({ id, title, url, author }, { apis }) =>
    gatherSettled({
      twitter: apis.twitter.post('/tweet', { text: `${title} ${url}` }),
      linkedin: apis.linkedin.post('/share', { title, url, author }),
      analytics: apis.analytics.post('/track-event', { event: 'article-published', article_id: id, author }),
    }).pipe(
      map(({ twitter, linkedin, analytics }) => ({
        articleId: id,
        outcomes: { twitter: outcomeOf(twitter), linkedin: outcomeOf(linkedin), analytics: outcomeOf(analytics) },
      })),
    ),
  output: () => exchange('articles', 'article.syndicated'),
});

const outcomeOf = (branch: { status: 'fulfilled' } | { status: 'rejected'; reason: Error }) =>
  branch.status === 'fulfilled' ? { status: branch.status } : { status: branch.status, reason: branch.reason.message };
