/**
 * Every night: holds the contacts of the CRM beside those of the marketing system, page by page, and says of each that differs that it may have changed.
 * contact-sync.ts does the rest, so there is one way in which contacts are repaired. What an event lost by anybody left wrong is right in the morning.
 */
import { EMPTY, map, of } from 'rxjs';
import { definePipeline, exchange, schedule } from 'sluice';
import { comparePages } from '../reconciliation/compare-pages.ts';
import { type Contact, Contacts, crm, marketing } from './apis.ts';

const PAGE = 200;

const keyOf = ({ email }: Contact): string => email;

export default definePipeline({
  name: 'contact-reconciliation',
  source: schedule('0 3 * * *', { timeZone: 'Europe/Berlin' }),
  apis: { crm, marketing },
  publishes: ['contacts'],
  handle: (_, { apis }) => {
    const params = (after: string | undefined) => ({ limit: PAGE, sort: 'email', after });
    const contacts = {
      page: (after: string | undefined) => apis.crm.get('/contacts', { params: params(after), response: Contacts }),
      keyOf,
    };
    const subscribers = {
      page: (after: string | undefined) =>
        apis.marketing.get('/subscribers', { params: params(after), response: Contacts }),
      keyOf,
    };
    return comparePages(
      contacts,
      subscribers,
      (compared) => {
        if (compared.kind === 'right') return of(compared.right);
        const isSame = compared.kind === 'both' && compared.left.version === compared.right.version;
        return isSame ? EMPTY : of(compared.left);
      },
      1,
    ).pipe(map(({ email }) => ({ email })));
  },
  output: () => exchange('contacts', 'contact.changed'),
});
