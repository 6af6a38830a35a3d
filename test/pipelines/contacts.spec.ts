/** Contacts in two systems, as marbles: what changed is made the same at once, what was missed at night. A frame is a millisecond. */
import { exchange } from 'sluice';
import { ack, call, deadLetter, httpError, marbles as marblesOf, ok, published } from 'sluice/testing';
import contactReconciliation from '../../pipelines/contacts/contact-reconciliation.ts';
import contactSync from '../../pipelines/contacts/contact-sync.ts';

const marbles = marblesOf<'crm' | 'marketing'>;

const contact = (name: string, version: number) => ({ email: `${name}@example.com`, name, version });
const changed = (name: string) => ({ email: `${name}@example.com` });
const at = (name: string) => ({ params: { email: `${name}@example.com` } });
const read = (name: string) => call('crm', 'GET /contacts/{email}', at(name));
const put = (name: string, version: number) =>
  call('marketing', 'PUT /subscribers/{email}', { ...at(name), body: contact(name, version) });
const remove = (name: string) => call('marketing', 'DELETE /subscribers/{email}', at(name));

describe('contact-sync', () => {
  it(
    'makes the subscriber what the contact is',
    marbles(contactSync, ({ deliver, api, expectCalls, expectSettled }) => {
      deliver('                                     a', { a: changed('ada') });
      api.crm.on('GET /contacts/{email}', '         -(c|)', { c: ok(contact('ada', 3)) });
      api.marketing.on('PUT /subscribers/{email}', '-(r|)', { r: ok() });

      expectCalls('                                 gp', { g: read('ada'), p: put('ada', 3) });
      expectSettled('                               --A', { A: ack(changed('ada')) });
    }),
  );

  it(
    'removes the subscriber where there is no contact any more',
    marbles(contactSync, ({ deliver, api, expectCalls, expectSettled }) => {
      deliver('                                        a', { a: changed('bob') });
      api.crm.on('GET /contacts/{email}', '            -#', {}, httpError(404));
      api.marketing.on('DELETE /subscribers/{email}', '-(r|)', { r: ok() });

      expectCalls('                                    gd', { g: read('bob'), d: remove('bob') });
      expectSettled('                                  --A', { A: ack(changed('bob')) });
    }),
  );

  it(
    'is done where the subscriber is not there any more either, and not where it may not be removed',
    marbles(contactSync, ({ deliver, api, expectCalls, expectSettled }) => {
      deliver('                                                 a-b', { a: changed('bob'), b: changed('cyd') });
      api.crm.on('GET /contacts/{email}', '                     -#', {}, httpError(404));
      api.marketing.on('DELETE /subscribers/bob%40example.com', '-#', {}, httpError(404));
      api.marketing.on('DELETE /subscribers/cyd%40example.com', '-#', {}, httpError(403));

      expectCalls('                                             gdhe', {
        g: read('bob'),
        d: remove('bob'),
        h: read('cyd'),
        e: remove('cyd'),
      });
      expectSettled('                                           --A-B', {
        A: ack(changed('bob')),
        B: deadLetter(changed('cyd'), 'ERR_HTTP_STATUS'),
      });
    }),
  );

  it(
    'takes two events of one contact one after the other, and another contact beside them',
    marbles(contactSync, ({ deliver, api, expectCalls }) => {
      deliver('                                        (aab)', { a: changed('ada'), b: changed('bob') });
      api.crm.on('GET /contacts/ada%40example.com', [' -----(c|)', '-(d|)'], {
        c: ok(contact('ada', 3)),
        d: ok(contact('ada', 4)),
      });
      api.crm.on('GET /contacts/bob%40example.com', '  ---------(b|)', { b: ok(contact('bob', 1)) });
      api.marketing.on('PUT /subscribers/{email}', '   -(r|)', { r: ok() });

      expectCalls('                                    (gh)-pgq-r', {
        g: read('ada'),
        h: read('bob'),
        p: put('ada', 3),
        q: put('ada', 4),
        r: put('bob', 1),
      });
    }),
  );
});

describe('contact-reconciliation', () => {
  const firing = { scheduledAt: '1970-01-01T02:00:00.000Z' };
  const says = (name: string) => published(exchange('contacts', 'contact.changed'), changed(name));

  it(
    'says of each contact that differs or is in one system alone that it may have changed, and nothing of the others',
    marbles(contactReconciliation, ({ deliver, api, expectPublished, expectSettled }) => {
      deliver('                              a', { a: firing });
      api.crm.on('GET /contacts', ['         -(p|)', '-(q|)'], {
        p: ok({ items: [contact('ada', 3), contact('bob', 1)], next: 'bob@example.com' }),
        q: ok({ items: [contact('cyd', 2)] }),
      });
      api.marketing.on('GET /subscribers', ' -(s|)', {
        s: ok({ items: [contact('ada', 3), contact('bob', 0), contact('zoe', 9)] }),
      });

      expectPublished('                      --(bcz)', { b: says('bob'), c: says('cyd'), z: says('zoe') });
      expectSettled('                        --A', { A: ack(firing) });
    }),
  );

  it(
    'repairs by the pipeline that hears of it',
    marbles([contactReconciliation, contactSync], ({ deliver, api, expectCalls }) => {
      deliver('                                     -a', { a: firing });
      api.crm.on('GET /contacts', '                 -----(p|)', { p: ok({ items: [contact('ada', 3)] }) });
      api.marketing.on('GET /subscribers', '        -----(s|)', { s: ok({ items: [] }) });
      api.crm.on('GET /contacts/{email}', '         -(c|)', { c: ok(contact('ada', 3)) });
      api.marketing.on('PUT /subscribers/{email}', '-(r|)', { r: ok() });

      expectCalls('                                 -(ls)-gp', {
        l: call('crm', 'GET /contacts'),
        s: call('marketing', 'GET /subscribers'),
        g: read('ada'),
        p: put('ada', 3),
      });
    }),
  );
});
