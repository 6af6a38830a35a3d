/**
 * Every five minutes: whoever is registered must have had the welcome e-mail. Compares the lists of two services page by page, sends what is
 * missing, and tells in a report what it found.
 */
import { catchError, map, type Observable, of, reduce } from 'rxjs';
import { definePipeline, every, exchange } from 'sluice';
import { z } from 'zod';
import { email, ums } from '../apis.ts';
import { type Compared, comparePages } from './compare-pages.ts';

const User = z.object({ id: z.string(), email: z.string(), username: z.string() });
type User = z.output<typeof User>;

const Users = z.object({
  items: z.array(User),
  next: z.string().optional(),
});
const Mails = z.object({ items: z.array(z.object({ to: z.string() })), next: z.string().optional() });

interface Report {
  readonly scheduled_at: string;
  readonly complete: number;
  /** Users who had no e-mail and have it now. */
  readonly repaired: number;
  /** Users who have none yet: the next firing tries again. */
  readonly failed: number;
  /** E-mails to nobody who is registered: for people to look at. */
  readonly strangers: number;
}

type Finding = Exclude<keyof Report, 'scheduled_at'>;

const PAGE = 100;
const REPAIRS_AT_ONCE = 4;

const pageAfter = (after: string | undefined) => ({
  params: { limit: PAGE, ...(after === undefined ? {} : { after }) },
});

export default definePipeline({
  name: 'welcome-mails',
  source: every('5m'),
  apis: { ums, email },
  publishes: ['reconciliation'],
  handle: ({ scheduledAt }, { apis, log }) => {
    const users = {
      page: (after: string | undefined) => apis.ums.get('/users', { ...pageAfter(after), response: Users }),
      keyOf: (user: { readonly email: string }) => user.email,
    };
    const mails = {
      page: (after: string | undefined) => apis.email.get('/emails', { ...pageAfter(after), response: Mails }),
      keyOf: (mail: { readonly to: string }) => mail.to,
    };
    const repair = (user: User): Observable<Finding> =>
      apis.email
        .post('/send-email', {
          to: user.email,
          subject: 'Welcome',
          body: `Welcome, ${user.username}!`,
          template: 'welcome-email',
        })
        .pipe(
          map((): Finding => 'repaired'),
          // One that cannot be repaired keeps no other from it.
          catchError((error: unknown) => {
            log.warn({ error, userId: user.id }, 'the welcome e-mail could not be sent');
            return of<Finding>('failed');
          }),
        );
    const none: Report = { scheduled_at: scheduledAt.toISOString(), complete: 0, repaired: 0, failed: 0, strangers: 0 };
    const settle = (compared: Compared<User, unknown>): Observable<Finding> => {
      if (compared.kind === 'left') return repair(compared.left);
      return of(compared.kind === 'both' ? 'complete' : 'strangers');
    };
    return comparePages(users, mails, settle, REPAIRS_AT_ONCE).pipe(
      reduce((report, finding) => ({ ...report, [finding]: report[finding] + 1 }), none),
    );
  },
  output: () => exchange('reconciliation', 'welcome-mails.compared'),
});
