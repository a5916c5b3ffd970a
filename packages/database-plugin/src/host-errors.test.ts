import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CofferError, isNothingDone, isOutcomeUnknown } from '@coffer/base';
import { GrpcError, grpcStatus } from '@coffer/go-plugin';
import { hostError, pluginError, saysMayLand } from './host-errors.ts';

/** An error that says of itself what its class cannot. */
function telling(says: { nothingDone?: boolean; outcomeUnknown?: boolean }): Error {
  return Object.assign(new Error('why'), says);
}

const across = (error: CofferError): CofferError => hostError('newUser', pluginError('newUser', error));

describe('what a plugin says of a failure', () => {
  it('arrives: nothing was done', () => {
    const error = across(new CofferError('unavailable', 'no node', { cause: telling({ nothingDone: true }) }));
    assert.deepEqual([error.code, isNothingDone(error), isOutcomeUnknown(error)], ['unavailable', true, false]);
    assert.match(error.message, /code = Aborted desc = unable to create new user: no node/);
    assert.equal(saysMayLand(error), false);
  });
  it('arrives: it may still take effect', () => {
    const cause = telling({ nothingDone: false, outcomeUnknown: true });
    const error = across(new CofferError('unavailable', 'silence', { cause }));
    assert.deepEqual([error.code, isNothingDone(error), isOutcomeUnknown(error)], ['unavailable', false, true]);
    assert.equal(saysMayLand(error), true);
  });
  it('arrives: something may be left', () => {
    const error = across(new CofferError('unavailable', 'a role is left'));
    assert.deepEqual([error.code, isNothingDone(error), isOutcomeUnknown(error)], ['unavailable', false, false]);
    assert.equal(saysMayLand(error), false);
  });
  it('arrives: it failed for good', () => {
    const error = across(new CofferError('failed', 'no'));
    assert.deepEqual([error.code, isNothingDone(error), isOutcomeUnknown(error)], ['failed', false, false]);
  });
  it('is not what its silence says', () => {
    const late = hostError('newUser', new GrpcError(grpcStatus.DEADLINE_EXCEEDED, 'context deadline exceeded'));
    assert.deepEqual([late.code, isNothingDone(late), isOutcomeUnknown(late)], ['unavailable', false, true]);
    assert.equal(saysMayLand(late), false);
  });
});
