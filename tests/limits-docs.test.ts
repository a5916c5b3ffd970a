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
      ['body, before the token is verified, and on paths that need no token', size(http.strangerBodyBytes)],
      ['body', size(http.bodyBytes)],
      ['bodies of all requests in flight, in total', size(http.bodyBudgetBytes)],
      [
        `of these, from callers without a verified token, beyond ${size(http.uncountedBodyBytes)} each`,
        size(strangers),
      ],
      ['of these, from one address', size(strangers / http.shareOfOneNetwork)],
      ['JSON: nesting', `${JSON_LIMITS.depth} levels`],
      ['JSON: strings, including field names', count(JSON_LIMITS.strings)],
      ['JSON: values of all kinds', count(JSON_LIMITS.values)],
      ['JSON: length of a field name', `${count(JSON_LIMITS.nameBytes)} bytes`],
      ['JSON: characters in a number', count(JSON_LIMITS.numberBytes)],
      ['JSON: estimated memory of the parsed value', size(JSON_LIMITS.memoryBytes)],
      ['URL and headers of a request', size(http.headerBytes)],
      ['query parameters', count(http.queryParameters)],
      ['connections of a listener', count(http.connections)],
      ['of these, from one address (one /64 for IPv6)', count(http.connections / http.shareOfOneNetwork)],
      ['requests in flight on one connection', count(http.requestsPerConnection)],
      ['requests in flight in the process', count(http.requestsInFlight)],
      ['of these, from one address', count(http.requestsInFlight / http.networkShareOfRequests)],
      ['headers must arrive within', seconds(http.headersTimeoutMs)],
      ['a whole request must arrive within', seconds(http.requestTimeoutMs)],
      ['the client must take a response within', seconds(http.responseTimeoutMs)],
      ['an idle connection is closed after', seconds(http.idleTimeoutMs)],
      ['password logins waiting or in progress', count(HASHING_LIMITS.logins)],
      ['of these, from one address (one /64 for IPv6)', count(HASHING_LIMITS.loginsPerNetwork)],
      ['password changes waiting or in progress', count(HASHING_LIMITS.passwords)],
      ['threads that hash passwords', '1; 2 with three or more cores'],
    ];
    const table = ['| what | limit |', '| --- | --- |', ...rows.map(([what, limit]) => `| ${what} | ${limit} |`)];
    await checkGenerated('production.md', 'limits', table.join('\n'));
  });

  it('counts the threads right', () => {
    const wanted = availableParallelism() >= 3 ? 2 : 1;
    if (HASHING_LIMITS.workers !== wanted) throw new Error(`${HASHING_LIMITS.workers} threads, not ${wanted}`);
  });
});
