import { create } from '@bufbuild/protobuf';
import { type Timestamp, TimestampSchema } from '@bufbuild/protobuf/wkt';

const YEAR_1_SECONDS = -62_135_596_800n;
const YEAR_10000_SECONDS = 253_402_300_800n;

/** Go's zero time, 0001-01-01T00:00:00Z: what a Go plugin sees when a request has no expiration. */
export const GO_ZERO_TIME = new Date(Number(YEAR_1_SECONDS) * 1000);

/**
 * A timestamp as a date, cut to milliseconds.
 *
 * @throws Error with Go's text when it is out of range (golang/protobuf:ptypes/timestamp.go)
 */
export function dateFromTimestamp(timestamp: Timestamp): Date {
  const { seconds, nanos } = timestamp;
  if (seconds < YEAR_1_SECONDS) throw new Error(`${shown(timestamp)} before 0001-01-01`);
  if (seconds >= YEAR_10000_SECONDS) throw new Error(`${shown(timestamp)} after 10000-01-01`);
  if (nanos < 0 || nanos >= 1_000_000_000) throw new Error(`${shown(timestamp)}: nanos not in range [0, 1e9)`);
  return new Date(Number(seconds) * 1000 + Math.floor(nanos / 1_000_000));
}

/** As protobuf-go prints it, which leaves out what is zero. */
function shown({ seconds, nanos }: Timestamp): string {
  const parts = [seconds === 0n ? '' : `seconds:${seconds}`, nanos === 0 ? '' : `nanos:${nanos}`];
  return `timestamp: ${parts.filter((part) => part !== '').join(' ')}`;
}

export function timestampFromDate(date: Date): Timestamp {
  const milliseconds = date.getTime();
  const seconds = Math.floor(milliseconds / 1000);
  return create(TimestampSchema, { seconds: BigInt(seconds), nanos: (milliseconds - seconds * 1000) * 1_000_000 });
}
