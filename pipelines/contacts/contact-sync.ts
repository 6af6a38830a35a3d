/** Makes a contact in the marketing system what it is in the CRM, whenever somebody says that it may differ. */
import { catchError, mergeMap, type Observable, of, throwError } from 'rxjs';
import { definePipeline, HttpStatusError, queue } from 'sluice';
import { Contact, ContactChanged, crm, marketing } from './apis.ts';

/** What is not there is no failure, whether it is looked for or to be removed: an attempt whose answer was lost may have removed it. */
const orAbsent = <Found>(call: Observable<Found>): Observable<Found | undefined> =>
  call.pipe(
    catchError((error: unknown) =>
      error instanceof HttpStatusError && error.status === 404 ? of(undefined) : throwError(() => error),
    ),
  );

export default definePipeline({
  name: 'contact-sync',
  source: queue('contacts.sync', { bindings: [{ exchange: 'contacts', key: 'contact.changed' }] }),
  input: ContactChanged,
  apis: { crm, marketing },
  // Two events of one contact one after the other: the later one reads what is true by then.
  order: { by: ({ email }) => email },
  handle: ({ email }, { apis }) =>
    orAbsent(apis.crm.get('/contacts/{email}', { path: { email }, response: Contact })).pipe(
      mergeMap((contact) =>
        contact === undefined
          ? orAbsent(apis.marketing.delete('/subscribers/{email}', { path: { email } }))
          : apis.marketing.put('/subscribers/{email}', contact, { path: { email } }),
      ),
    ),
});
