/** The judge of leases: what must hold of them, and when nobody can say. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { type KnownLease, LeaseBook } from './lease-book.ts';

describe('what is known of leases', () => {
  let book: LeaseBook;
  beforeEach(() => {
    mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
    book = new LeaseBook();
  });
  afterEach(() => mock.timers.reset());

  const pass = (ms: number): void => mock.timers.setTime(Date.now() + ms);
  const issue = (id: string, invoked = Date.now()): KnownLease =>
    book.issued({ id, role: 'app', username: 'user', password: 'password' }, invoked, 10);
  const expected = (lease: KnownLease, from = Date.now()): string => book.expected(lease, from);

  it('are there until their time is nearly over, and nobody knows afterwards', () => {
    const lease = issue('a');
    pass(7_900);
    assert.equal(expected(lease), 'there');
    book.renewed(lease, Date.now(), 10);
    pass(7_900);
    assert.equal(expected(lease), 'there');
    pass(200);
    assert.equal(expected(lease), 'either');
  });

  it('are gone for whoever asks after their end was answered', () => {
    const lease = issue('a');
    book.asksEnd(lease);
    assert.equal(expected(lease), 'either');
    const early = Date.now();
    pass(1);
    book.ended(lease, false);
    assert.equal(expected(lease), 'either', 'at the same moment');
    pass(1);
    assert.equal(expected(lease), 'gone');
    assert.equal(expected(lease, early), 'either', 'who asked before');
  });

  it('of a role are gone when all of it were revoked, but not those that came later', () => {
    const before = issue('a');
    const asked = Date.now();
    pass(1);
    const end = book.beginSweep('app');
    assert.equal(book.isSwept('app', asked), true);
    assert.equal(book.isSwept('other', asked), false);
    pass(1);
    end('answered');
    pass(1);
    assert.equal(expected(before), 'gone');
    assert.equal(expected(issue('meanwhile', asked)), 'either');
    assert.equal(expected(issue('later')), 'there');
  });

  it('of a role may go when nobody knows whether all of it were revoked', () => {
    const before = issue('a');
    book.beginSweep('app')('unknown');
    pass(60_000);
    assert.equal(expected(before), 'either');
    assert.equal(expected(issue('b')), 'either');
    pass(60_000);
    assert.equal(expected(issue('c')), 'there');
  });

  it('are forgotten when nothing is to be expected of them any more', () => {
    issue('a');
    pass(90_000);
    assert.deepEqual(book.current.length, 1);
    pass(20_000);
    assert.deepEqual(book.current.length, 0);
    assert.ok(book.passwords.has('password'));
  });
});
