// The example of docs/simulation.md: what stands between the marks is quoted there, word for word.
// begin: simulate
import assert from 'node:assert/strict';
import { defineApi, definePipeline, exchange, queue, saga } from 'sluice';
import { httpError, ok, type SimulationLaw, simulate } from 'sluice/testing';
import { z } from 'zod';

const flights = defineApi('flights', { baseUrl: 'https://flights.example', timeout: '5s' });
const hotels = defineApi('hotels', { baseUrl: 'https://hotels.example', timeout: '5s' });

const Trip = z.object({ trip: z.string() });
const Booking = z.object({ booking: z.string() });

const bookTrip = saga({ name: 'book-trip', input: Trip, apis: { flights, hotels }, id: ({ trip }) => trip })
  .step(
    'flight',
    ({ input, apis }) => apis.flights.post('/bookings', { trip: input.trip }, { response: Booking }),
    ({ results, apis }) => apis.flights.delete('/bookings/{id}', { path: { id: results.flight.booking } }),
  )
  .step('hotel', ({ input, apis }) => apis.hotels.post('/rooms', { trip: input.trip }))
  .returns(({ input }) => ({ trip: input.trip, status: 'booked' }))
  .whenCompensated(({ input }) => ({ trip: input.trip, status: 'refused' }));

const trips = definePipeline({
  name: 'trips',
  source: queue('trips.wanted'),
  input: Trip,
  apis: { flights, hotels },
  publishes: ['trips'],
  handle: bookTrip,
  output: ({ status }) => exchange('trips', `trip.${status}`),
});

describe('trips', () => {
  it('are booked whatever goes wrong', async () => {
    const { totals, unusedAnswers } = await simulate([trips], {
      seed: 2,
      hours: 1,
      workers: 2,
      messages: { trips: ({ id }) => ({ trip: id }) },
      apis: {
        flights: { latency: ['50ms', '2s'], 'POST /bookings': (_, random) => ok({ booking: `f${random()}` }) },
        hotels: { capacity: 20, 'POST /rooms': (_, random) => (random() < 0.2 ? httpError(409) : ok()) },
      },
    });
    assert.ok(totals.sagasCompleted > 0 && totals.crashes > 0);
    assert.deepEqual(unusedAnswers, []);
    // end: simulate
    assert.ok(totals.sagasCompensated > 0, 'no trip was refused');
    // begin: close
  });
});
// end: close

// begin: law
const noFlightWithoutRoom: SimulationLaw = {
  name: 'nobody flies without a room',
  watch: () => ({
    end: ({ effects, sagas }) => {
      for (const { sagaId, end } of sagas) {
        const of = (operation: string) =>
          effects.filter((effect) => effect.correlationId === sagaId && effect.operation.startsWith(operation)).length;
        const flies = of('POST /bookings') > of('DELETE /bookings');
        if (end === 'undone' && flies) return { text: `trip ${sagaId} is refused, and flies`, messageId: sagaId };
      }
      return undefined;
    },
  }),
};
// end: law

describe('a law of an author', () => {
  it('is watched beside the built-in ones', async () => {
    const simulated = simulate([trips], {
      messages: { trips: ({ id }) => ({ trip: id }) },
      apis: {
        flights: { 'POST /bookings': (_, random) => ok({ booking: `f${random()}` }) },
        hotels: { 'POST /rooms': (_, random) => (random() < 0.2 ? httpError(409) : ok()) },
      },
      laws: [noFlightWithoutRoom],
    });
    await simulated;
  });
});
