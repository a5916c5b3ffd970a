/** The main paths of the server, and how often each is asked in a round. */
import { httpRequest, type Work } from '../bench/server/load.ts';
import type { Subject } from '../bench/server/subjects.ts';
import { SHAPES } from '../bench/server/target.ts';

const ROLE = SHAPES['IN ROLE'].role;
const CREDENTIAL = `database/creds/${ROLE}`;
/** In a round: processor time is counted in hundredths of a second (proc(5)), and a round should have tens of them. */
const READS = 7_500;
const LEASES = 750;

export interface CostPath {
  readonly name: string;
  readonly count: number;
  requests(subject: Subject): Promise<Pick<Work, 'requests' | 'each'>>;
}

/** The same request by every client, again and again. */
function always(name: string, count: number, requestOf: (token: string) => string): CostPath {
  return { name, count, requests: async ({ access }) => ({ requests: [requestOf(access.token)] }) };
}

/** A request for each lease that there is. */
function forEachLease(name: string, path: string, fields: object = {}): CostPath {
  return {
    ...{ name, count: LEASES },
    requests: async ({ client, access }) => {
      const listed = await client.list(`sys/leases/lookup/${CREDENTIAL}`);
      const { keys = [] } = (listed?.data ?? {}) as { keys?: readonly string[] };
      const requestOf = (key: string): string =>
        httpRequest('PUT', path, access.token, { lease_id: `${CREDENTIAL}/${key}`, ...fields });
      return { each: keys.map(requestOf) };
    },
  };
}

/** In this order: what the first of the last three issues, the others renew and revoke. */
export const PATHS: readonly CostPath[] = [
  always('sys/health', 2 * READS, () => httpRequest('GET', 'sys/health', '')),
  always('token/lookup-self', READS, (token) => httpRequest('GET', 'auth/token/lookup-self', token)),
  always('database/roles/NAME', READS, (token) => httpRequest('GET', `database/roles/${ROLE}`, token)),
  always('issue', LEASES, (token) => httpRequest('GET', CREDENTIAL, token)),
  forEachLease('renew', 'sys/leases/renew', { increment: 7200 }),
  forEachLease('revoke', 'sys/leases/revoke'),
];
