/** `sluice outbox sql`: the statements that make an outbox, for the migrations of whoever writes to it. */
import { outboxSql, TABLE_NAME } from '../sources/outbox-sql.ts';
import { failed } from './broker-session.ts';
import { EXIT } from './exit-code.ts';

export function printOutboxSql(table: string): number {
  if (!TABLE_NAME.test(table))
    return failed(
      `--table: expected a name of small letters, digits and "_", as outbox or shop.outbox; got "${table}"`,
      EXIT.misconfigured,
    );
  process.stdout.write(outboxSql(table));
  return EXIT.ok;
}
