/**
 * An index that begins with a time has all its writes at one end: in YSQL that is one tablet, however many nodes there are
 * (docs/decisions/0025-buckets.md). Such an index here begins with the row's bucket instead, and what was one walk along it
 * is one in each bucket.
 */

const BUCKETS = 16;
const NUMBERS: readonly number[] = Array.from({ length: BUCKETS }, (_, bucket) => bucket);

/** For the rows with one value of the column behind the bucket. A range would be sorted as a whole: see {@link inEveryBucket}. */
export const ANY_BUCKET = `bucket IN (${NUMBERS.join(', ')})`;

/** The bucket of a new row: evenly spread, whatever the ids have in common. Rows of older versions are in the first one, 0. */
export function bucketOf(id: string): number {
  // FNV-1a; its upper bits depend on every character.
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  return (hash >>> 0) % BUCKETS;
}

/**
 * The rows that `select` finds in each bucket, for use after FROM. It has an ORDER BY and a LIMIT, so that no more than
 * that is read of any bucket, and none waits for the others: where nothing is found, 16 index seeks are all. Whoever wants the
 * first rows of all sorts and limits again; PostgreSQL merges the buckets then, and reads little more than it returns.
 */
export function inEveryBucket(select: (condition: string) => string): string {
  const selects = NUMBERS.map((bucket) => `SELECT * FROM (${select(`bucket = ${bucket}`)}) AS b${bucket}`);
  return `(${selects.join(' UNION ALL ')})`;
}
