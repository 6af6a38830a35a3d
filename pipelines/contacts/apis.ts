/** The two systems that hold contacts, and what a contact looks like in both. */
import { defineApi, env } from 'sluice';
import { z } from 'zod';

export const crm = defineApi('crm', {
  baseUrl: env.url('CRM_API_BASE_URL', 'http://localhost:7201/api/v1'),
  timeout: '5s',
});
/** Changes of a subscriber can be repeated: PUT and DELETE say what shall be, not what to do. */
export const marketing = defineApi('marketing', {
  baseUrl: env.url('MARKETING_API_BASE_URL', 'http://localhost:7202/api/v1'),
  timeout: '5s',
  rateLimit: { requests: 10, per: '1s' },
});

export const Contact = z.object({ email: z.email(), name: z.string(), version: z.int() });
export type Contact = z.output<typeof Contact>;

/** Says which contact may differ, and nothing of how: whoever hears of it looks. So events may come late, twice, and in any order. */
export const ContactChanged = z.object({ email: z.email() });

/** A page of either list, sorted by e-mail address. */
export const Contacts = z.object({ items: z.array(Contact), next: z.string().optional() });
