/** Which RabbitMQ a test has met, where versions differ. */
import { connect } from 'amqplib';

type Version = readonly number[];

/** `4.3.6` as numbers, as the broker says it of itself. */
export async function versionAt(url: string): Promise<Version> {
  const connection = await connect(url);
  const { version } = connection.connection.serverProperties;
  await connection.close();
  return version.split('.').map((part) => Number.parseInt(part, 10));
}

/** Whether a version is another or comes after it. */
export function isFrom(version: Version, other: Version): boolean {
  const place = other.findIndex((part, at) => version[at] !== part);
  return place === -1 || (version[place] ?? 0) > (other[place] ?? 0);
}
