/**
 * The document that describes the front door: OpenAPI 3.1, made of the pipelines' own schemas. Pure.
 * @see https://spec.openapis.org/oas/v3.1.1
 */
import { z } from 'zod';
import { STRUCTURED_TYPE } from '../message/cloud-events.ts';
import { hasEnd } from '../message/schema-patterns.ts';
import { versionsOf } from '../message/versions.ts';
import type { Entrance } from './ingress.ts';
import { PROBLEM_TYPE } from './problem.ts';
import { typesOf } from './request-form.ts';

type Json = Readonly<Record<string, unknown>>;

export function openApiOf(entrances: readonly Entrance[]): Json {
  return {
    openapi: '3.1.1',
    info: { title: 'sluice front door', version: '1.0.0' },
    paths: Object.assign({}, ...entrances.map(pathsOf)) as Json,
    components: {
      schemas: { Problem: problem, Accepted: accepted, State: state, Event: event },
      parameters: { Prefer: prefer, IdempotencyKey: idempotencyKey, CorrelationId: correlationId },
      securitySchemes: Object.assign({}, ...entrances.map(schemesOf)) as Json,
    },
  };
}

const schemaRef = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const parameterRef = (name: string): Json => ({ $ref: `#/components/parameters/${name}` });

const answer = (description: string, schema?: Json, type = 'application/json'): Json => ({
  description,
  ...(schema === undefined ? {} : { content: { [type]: { schema } } }),
});

const refusal = (description: string): Json => answer(description, schemaRef('Problem'), PROBLEM_TYPE);

function pathsOf(entrance: Entrance): Json {
  const { name, ingress, form } = entrance;
  const { path, method, summary, responses } = ingress;
  const security = securityOf(entrance);
  const results: Record<string, Json> = {};
  for (const [status, schema] of Object.entries(responses))
    results[status] = answer('The message is done: its result.', jsonSchemaOf(schema, `${name}-${status}`, 'output'));
  if (Object.keys(results).length === 0) results[200] = answer('The message is done: its result.', {});
  return {
    [path]: {
      [method.toLowerCase()]: {
        operationId: name,
        ...(summary === undefined ? {} : { summary }),
        ...security,
        parameters: [
          ...['Prefer', 'IdempotencyKey', 'CorrelationId'].map(parameterRef),
          ...(form.cloudEvents === undefined ? [] : eventHeaders),
        ],
        // An event may have no data.
        requestBody: { required: form.cloudEvents === undefined, content: bodiesOf(entrance) },
        responses: {
          ...results,
          202: answer('The broker has the message.', schemaRef('Accepted')),
          204: answer('The message is done, and has no result.'),
          ...anywhere,
          ...strangersOf(entrance),
          400: refusal('The body or a header cannot be read.'),
          413: refusal('The body is too large.'),
          415: refusal('The body is of another type.'),
          422: refusal('The body does not fit its schema, or its key was used with another.'),
          429: refusal('This client comes too often.'),
          500: refusal('The message could not be done.'),
          503: refusal('Nothing was accepted, or it is not known to be: come again.'),
        },
      },
    },
    [`${path}/status/{id}`]: {
      get: {
        operationId: `${name}-status`,
        ...security,
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
        responses: {
          200: answer('How the message stands.', schemaRef('State')),
          ...anywhere,
          ...strangersOf(entrance),
          404: refusal('Not known here.'),
          429: refusal('This client comes too often.'),
        },
      },
    },
  };
}

/** What every path answers where it comes to that. */
const anywhere: Json = {
  400: refusal('It is no request that can be read.'),
  408: refusal('It did not arrive in time.'),
  431: refusal('Its headers are too large.'),
  500: refusal('This went wrong here.'),
  503: refusal('Not now: come again.'),
};

/** What those are told who may not come. */
function strangersOf({ ingress: { auth } }: Entrance): Json {
  const elsewhere = { 421: refusal('It is not asked under this name.') };
  if (typeof auth !== 'object') return { 403: refusal('A page of another origin sends it.'), ...elsewhere };
  return {
    401: refusal('It is not known who sends it.'),
    ...(auth.scheme.scheme === 'bearer' ? { 403: refusal('The token does not allow this.') } : {}),
    ...elsewhere,
  };
}

/** By content type. Of what a codec reads nothing is known. */
function bodiesOf(entrance: Entrance): Json {
  const { codecTypes, cloudEvents } = entrance.form;
  const plain = cloudEvents === 'event' ? dataSchemaOf(entrance) : inputSchemaOf(entrance);
  const schemas = typesOf(entrance.form).map((type): readonly [string, Json] => {
    if (type === STRUCTURED_TYPE && cloudEvents !== undefined) return [type, { schema: eventSchemaOf(entrance) }];
    return [type, codecTypes.includes(type) ? {} : { schema: plain }];
  });
  return Object.fromEntries(schemas);
}

function eventSchemaOf(entrance: Entrance): Json {
  const own = inputSchemaOf(entrance);
  return {
    allOf: [schemaRef('Event'), entrance.form.cloudEvents === 'event' ? own : { properties: { data: own } }],
  };
}

/** Of an event whose whole is the pipeline's to look at. */
const dataSchemaOf = ({ name, input }: Entrance): Json =>
  orUndescribed(() =>
    input instanceof z.ZodObject && input.shape.data instanceof z.ZodType
      ? jsonSchemaOf(input.shape.data, `${name}-data`, 'input')
      : {},
  );

/** Of any version, where there are several. */
function inputSchemaOf({ name, input }: Entrance): Json {
  const versions = versionsOf(input);
  if (versions === undefined) return jsonSchemaOf(input, name, 'input');
  const { by, missing, schemas } = versions;
  return {
    anyOf: schemas.map((schema, index) => {
      const version = index + 1;
      const told: Json = {
        type: 'object',
        ...(missing === version ? {} : { required: [by] }),
        properties: { [by]: { enum: [version, String(version)] } },
      };
      return { allOf: [told, jsonSchemaOf(schema, `${name}-${version}`, 'input')] };
    }),
  };
}

const schemeName = ({ name }: Entrance): string => `${name}-client`;

const securityOf = (entrance: Entrance): Json =>
  typeof entrance.ingress.auth === 'object' ? { security: [{ [schemeName(entrance)]: [] }] } : {};

const schemesOf = (entrance: Entrance): Json =>
  typeof entrance.ingress.auth === 'object' ? { [schemeName(entrance)]: entrance.ingress.auth.scheme } : {};

/** What zod can say of it; what JSON Schema has no word for is anything. References of a schema to itself stay in it, by an id of its own. */
const jsonSchemaOf = (schema: z.ZodType, name: string, io: 'input' | 'output'): Json =>
  orUndescribed(() => {
    if (!hasEnd(schema)) return undescribed;
    const { $schema: _, ...json } = z.toJSONSchema(schema, {
      io,
      unrepresentable: 'any',
      override: ({ jsonSchema }) => {
        // A mark of our own for recordings.
        if (jsonSchema.secret !== true) return;
        delete jsonSchema.secret;
        jsonSchema.format ??= 'password';
      },
    });
    return JSON.stringify(json).includes('"$ref"') ? { $id: `urn:sluice:schema:${name}`, ...json } : json;
  });

/** Of a schema that makes itself anew without end, that throws where it is read, or that gives two parts one id. It takes messages all the same. */
const undescribed: Json = { description: 'Not described: zod makes no JSON Schema of it.' };

function orUndescribed(describe: () => Json): Json {
  try {
    return describe();
  } catch {
    return undescribed;
  }
}

const text = { type: 'string' };

const problem: Json = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: { ...text, format: 'uri' },
    title: text,
    status: { type: 'integer' },
    detail: text,
    errors: {
      type: 'array',
      items: { type: 'object', required: ['path', 'message'], properties: { path: text, message: text } },
    },
  },
};

const accepted: Json = {
  type: 'object',
  required: ['messageId', 'status'],
  properties: { messageId: text, status: { ...text, description: 'Where its state can be asked for.' } },
};

const state: Json = {
  type: 'object',
  required: ['messageId', 'correlationId', 'state'],
  properties: {
    messageId: text,
    correlationId: text,
    acceptedAt: { ...text, format: 'date-time' },
    state: { enum: ['publishing', 'accepted', 'done', 'dead-lettered'] },
    status: { type: 'integer', description: 'Of the result, where it is done.' },
    result: {},
    code: { ...text, description: 'Of the error, where it is dead-lettered.' },
    detail: text,
  },
};

/** CloudEvents 1.0, structured. */
const event: Json = {
  type: 'object',
  required: ['specversion', 'id', 'source', 'type'],
  properties: {
    specversion: { const: '1.0' },
    id: { ...text, minLength: 1 },
    source: { ...text, minLength: 1, format: 'uri-reference' },
    type: { ...text, minLength: 1 },
    datacontenttype: text,
    data: {},
    data_base64: text,
  },
};

const header = (name: string, description: string): Json => ({ name, in: 'header', description, schema: text });

const prefer = header('Prefer', 'wait=5: wait so many seconds for the result. respond-async: do not wait.');
const idempotencyKey = header(
  'Idempotency-Key',
  'The same key of the same client is the same message: 1 to 128 printable characters without spaces, quotes and backslashes.',
);
const correlationId = header('X-Correlation-Id', 'Of the conversation the message belongs to.');
/** Of a binary event; a structured one has them in its body. */
const eventHeaders = ['specversion', 'id', 'source', 'type'].map((attribute) =>
  header(`Ce-${attribute}`, `Attribute ${attribute} of a binary CloudEvent; not of a structured one.`),
);
