/** Creates the user, then sends the welcome e-mail. The registration stands whether or not the e-mail could be sent. */
import { catchError, map, mergeMap, of } from 'rxjs';
import { definePipeline, exchange, queue } from 'sluice';
import { z } from 'zod';
import { email, ums } from './apis.ts';

const Registration = z.object({
  username: z.string().min(1),
  email: z.email(),
  // No recording of a worker holds it.
  password: z.string().min(1).meta({ secret: true }),
});
const User = z.object({ id: z.string(), email: z.email(), username: z.string() });

const Registered = z.object({ userId: z.string(), emailStatus: z.enum(['sent', 'failed-to-send']) });

export default definePipeline({
  name: 'user-registration',
  source: queue('users.register'),
  input: Registration,
  apis: { ums, email },
  // An e-mail that cannot be sent is no reason to register nobody.
  needs: ['ums'],
  publishes: ['users'],
  handle: (registration, { apis, log }) =>
    apis.ums.post('/users', registration, { response: User }).pipe(
      mergeMap((user) =>
        apis.email
          .post('/send-email', {
            to: user.email,
            subject: 'Welcome',
            body: `Welcome, ${user.username}!`,
            template: 'welcome-email',
          })
          .pipe(
            map(() => 'sent' as const),
            catchError((error) => {
              log.warn({ error, userId: user.id }, 'the welcome e-mail could not be sent');
              return of('failed-to-send' as const);
            }),
            map((emailStatus) => ({ userId: user.id, emailStatus })),
          ),
      ),
    ),
  output: () => exchange('users', 'user.registered'),
  // Anybody may register, and waits for the answer: POST /users → 201 { userId, emailStatus }.
  ingress: {
    path: '/users',
    auth: 'none',
    wait: '10s',
    responses: { 201: Registered },
    respond: (registered) => ({ status: 201, body: registered }),
    summary: 'Registers a user.',
  },
});
