/** The limits that docs/production.md promises are those that hold. */
import { availableParallelism } from 'node:os';
import { describe, it } from 'node:test';
import { HASHING_LIMITS } from '@coffer/auth-userpass';
import { JSON_LIMITS } from '@coffer/base';
import { HTTP_LIMITS } from '@coffer/http';
import { checkGenerated } from './generated-docs.ts';

const MIB = 1024 * 1024;
const size = (bytes: number): string => (bytes < MIB ? `${bytes / 1024} KiB` : `${bytes / MIB} MiB`);
const seconds = (milliseconds: number): string => `${milliseconds / 1000} s`;
const count = (number: number): string => number.toLocaleString('en-US');

describe('the table of limits', () => {
  it('is the one that holds', async () => {
    const http = HTTP_LIMITS;
    const strangers = http.bodyBudgetBytes / http.shareOfStrangers;
    const rows: readonly [string, string][] = [
      ['body, before a valid token is known, and on paths that need none', size(http.strangerBodyBytes)],
      ['body', size(http.bodyBytes)],
      ['bodies of all requests under way together', size(http.bodyBudgetBytes)],
      [
        `of these, of callers whose token is not known, beyond ${size(http.uncountedBodyBytes)} of each`,
        size(strangers),
      ],
      ['of these, from one address', size(strangers / http.shareOfOneNetwork)],
      ['JSON: nesting', `${JSON_LIMITS.depth} levels`],
      ['JSON: strings, names of fields among them', count(JSON_LIMITS.strings)],
      ['JSON: values of every kind', count(JSON_LIMITS.values)],
      ['JSON: name of a field', `${count(JSON_LIMITS.nameBytes)} bytes`],
      ['JSON: characters of a number', count(JSON_LIMITS.numberBytes)],
      ['JSON: memory that the parsed value takes, estimated', size(JSON_LIMITS.memoryBytes)],
      ['URL and headers of a request', size(http.headerBytes)],
      ['parameters in a query', count(http.queryParameters)],
      ['connections of a listener', count(http.connections)],
      ['of these, from one address (one /64 for IPv6)', count(http.connections / http.shareOfOneNetwork)],
      ['requests under way on one connection', count(http.requestsPerConnection)],
      ['requests under way in the process', count(http.requestsInFlight)],
      ['of these, from one address', count(http.requestsInFlight / http.networkShareOfRequests)],
      ['headers must arrive within', seconds(http.headersTimeoutMs)],
      ['a whole request must arrive within', seconds(http.requestTimeoutMs)],
      ['an answer must be taken within', seconds(http.responseTimeoutMs)],
      ['an idle connection is closed after', seconds(http.idleTimeoutMs)],
      ['password logins that wait or are at work', count(HASHING_LIMITS.logins)],
      ['of these, from one address (one /64 for IPv6)', count(HASHING_LIMITS.loginsPerNetwork)],
      ['passwords being set', count(HASHING_LIMITS.passwords)],
      ['threads that hash passwords', 'one; two with three cores or more'],
    ];
    const table = ['| what | limit |', '| --- | --- |', ...rows.map(([what, limit]) => `| ${what} | ${limit} |`)];
    await checkGenerated('production.md', 'limits', table.join('\n'));
  });

  it('counts the threads right', () => {
    const wanted = availableParallelism() >= 3 ? 2 : 1;
    if (HASHING_LIMITS.workers !== wanted) throw new Error(`${HASHING_LIMITS.workers} threads, not ${wanted}`);
  });
});
