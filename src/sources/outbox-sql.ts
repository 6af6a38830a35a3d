/**
 * The tables of an outbox, as SQL for the author's own migrations. A row's lane comes from its key: whoever holds the lane is alone with
 * all rows of that key, and that is what keeps them in order.
 */

/** `outbox` or `shop.outbox`: names that need no quotes, and leave room for what is named after them. */
export const TABLE_NAME = /^([a-z_][a-z0-9_]{0,47}\.)?[a-z_][a-z0-9_]{0,47}$/;

/** Relays that can work at once; two of them never work on one key. */
const LANES = 16;

/** The name without its schema: what indexes, triggers and the channel of notifications are called after. */
export const bareName = (table: string): string => table.slice(table.indexOf('.') + 1);

export const lanesTable = (table: string): string => `${table}_lanes`;

/** Statements that make the outbox, its lanes, and the trigger that wakes the relays. To be run once, in one transaction. */
export function outboxSql(table: string): string {
  const name = bareName(table);
  const schema = name === table ? undefined : table.slice(0, -name.length - 1);
  const needed = schema === undefined ? '' : `\n-- The schema has to be there: CREATE SCHEMA ${schema};`;
  const usage = schema === undefined ? '' : `\n--   GRANT USAGE ON SCHEMA ${schema} TO relay;`;
  const writer = schema === undefined ? '' : `, and USAGE of the schema`;
  return `-- The outbox of sluice. In a transaction of yours:
--   INSERT INTO ${table} (key, body) VALUES ('order-17', '{"order_id": "order-17"}');
-- Rows of one key are relayed in the order of their ids; rows without a key in any.${needed}

CREATE TABLE ${table} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  message_id text NOT NULL DEFAULT gen_random_uuid()::text CHECK (octet_length(message_id) BETWEEN 1 AND 255),
  key text,
  body json NOT NULL,
  headers json NOT NULL DEFAULT '{}' CHECK (json_typeof(headers) = 'object' AND octet_length(headers::text) <= 16384),
  correlation_id text CHECK (octet_length(correlation_id) BETWEEN 1 AND 255),
  created_at timestamptz NOT NULL DEFAULT now(),
  sent_at timestamptz,
  lane smallint NOT NULL GENERATED ALWAYS AS
    (('x' || left(md5(coalesce(key, message_id)), 2))::bit(8)::integer % ${LANES}) STORED
);

CREATE INDEX ${name}_unsent ON ${table} (lane, id) WHERE sent_at IS NULL;

-- One row for each lane: a relay that works on a lane holds its row.
CREATE TABLE ${lanesTable(table)} (lane smallint PRIMARY KEY);
INSERT INTO ${lanesTable(table)} SELECT generate_series(0, ${LANES - 1});

-- Wakes the relays at each commit. It can be left out: then they look every few seconds.
CREATE FUNCTION ${table}_arrived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('${name}', '');
  RETURN NULL;
END
$$;
CREATE TRIGGER ${name}_arrived AFTER INSERT ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION ${table}_arrived();

-- Whoever writes rows needs INSERT on ${table}${writer}. A relay's user needs:${usage}
--   GRANT SELECT, UPDATE, DELETE ON ${table} TO relay;
--   GRANT SELECT, UPDATE ON ${lanesTable(table)} TO relay;
`;
}
