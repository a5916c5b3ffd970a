import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asCofferError, classify, Failure, type FailureKind, failureOfStatement } from './failure.ts';

describe('classify', () => {
  const cases: readonly (readonly [string, string, FailureKind])[] = [
    ['40001', 'anything', 'conflict'],
    ['40P01', 'deadlock detected', 'conflict'],
    ['XX000', 'tuple concurrently updated', 'conflict'],
    ['XX000', 'Catalog Version Mismatch: A DDL occurred while processing this query', 'conflict'],
    ['XX000', 'Restart read required at: ...', 'conflict'],
    ['XX000', 'schema version mismatch for table', 'conflict'],
    ['0A000', 'Restarting a DDL transaction not supported', 'conflict'],
    ['XX000', 'Operation failed. Try again.: Unknown transaction, could be recently aborted: 1', 'conflict'],
    ['55P03', 'canceling statement due to lock timeout', 'conflict'],
    ['57P01', 'terminating connection due to administrator command', 'outcome-unknown'],
    ['08006', 'connection failure', 'outcome-unknown'],
    ['25P03', 'terminating connection due to idle-in-transaction timeout', 'outcome-unknown'],
    ['40001', 'Object Lock Manager Shutdown', 'outcome-unknown'],
    ['53300', 'too many clients', 'busy'],
    ['XX000', 'catalog modifications are not allowed during a major YSQL upgrade', 'upgrade'],
    ['42710', 'role "x" already exists', 'fatal'],
    ['2BP01', 'role cannot be dropped', 'fatal'],
    ['28P01', 'password authentication failed', 'fatal'],
    ['XX000', 'something else', 'fatal'],
  ];
  for (const [sqlstate, message, kind] of cases) {
    it(`${sqlstate} ${message}: ${kind}`, () => assert.equal(classify(sqlstate, message), kind));
  }
});

describe('failureOfStatement', () => {
  it('takes what is no answer of the server for a lost connection', () => {
    const failure = failureOfStatement(new Error('Connection terminated unexpectedly'), {
      applicationName: 'a',
      node: undefined,
    });
    assert.equal(failure.kind, 'outcome-unknown');
    assert.equal(failure.backend?.applicationName, 'a');
  });
  it('masks a bug, and keeps what the database said', () => {
    assert.equal(asCofferError(new TypeError('x')).message, 'internal error');
    assert.equal(asCofferError(new Failure('upgrade', 'm')).code, 'failed');
    assert.equal(asCofferError(new Failure('fatal', 'm').during('w')).message, 'w: m');
  });
});
