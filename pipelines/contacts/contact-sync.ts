/** Makes a contact in the marketing system what it is in the CRM, whenever somebody says that it may differ. */
import { catchError, map, mergeMap, of, throwError } from 'rxjs';
import { definePipeline, HttpStatusError, queue } from 'sluice';
import { Contact, ContactChanged, crm, marketing } from './apis.ts';

export default definePipeline({
  name: 'contact-sync',
  source: queue('contacts.sync', { bindings: [{ exchange: 'contacts', key: 'contact.changed' }] }),
  input: ContactChanged,
  apis: { crm, marketing },
  // Two events of one contact one after the other: the later one reads what is true by then.
  order: { by: ({ email }) => email },
  handle: ({ email }, { apis }) =>
    apis.crm.get('/contacts/{email}', { path: { email }, response: Contact }).pipe(
      map((contact): Contact | undefined => contact),
      catchError((error: unknown) =>
        error instanceof HttpStatusError && error.status === 404 ? of(undefined) : throwError(() => error),
      ),
      mergeMap((contact) =>
        contact === undefined
          ? apis.marketing.delete('/subscribers/{email}', { path: { email } })
          : apis.marketing.put('/subscribers/{email}', contact, { path: { email } }),
      ),
    ),
});
