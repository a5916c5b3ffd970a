import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CofferError } from './error.ts';
import { isNothingDone, isOutcomeUnknown, mayLandUntil, mayStillLand, type OutcomeError } from './outcome-unknown.ts';

class Told extends Error implements OutcomeError {
  readonly outcomeUnknown: boolean;

  constructor(outcomeUnknown: boolean, cause?: unknown) {
    super('', { cause });
    this.outcomeUnknown = outcomeUnknown;
  }
}

describe('isOutcomeUnknown', () => {
  it('asks the error itself', () => {
    assert.equal(isOutcomeUnknown(new Told(true)), true);
    assert.equal(isOutcomeUnknown(new Told(false)), false);
  });
  it('asks what an error that cannot say was made of', () => {
    assert.equal(isOutcomeUnknown(new CofferError('unavailable', '', { cause: new Told(true) })), true);
    assert.equal(isOutcomeUnknown(new CofferError('unavailable', '', { cause: new Told(false) })), false);
  });
  it('believes the outer of two that say so', () => {
    assert.equal(isOutcomeUnknown(new Told(false, new Told(true))), false);
  });
  it('takes any other failure for an answer', () => {
    for (const thrown of [new Error('no'), new CofferError('unavailable', 'no'), 'no', undefined]) {
      assert.equal(isOutcomeUnknown(thrown), false);
    }
  });
});

describe('isNothingDone', () => {
  it('asks the error itself, else what it was made of', () => {
    const nothing = Object.assign(new Error(''), { nothingDone: true });
    const something = Object.assign(new Error('', { cause: nothing }), { nothingDone: false });
    assert.equal(isNothingDone(nothing), true);
    assert.equal(isNothingDone(new CofferError('unavailable', '', { cause: nothing })), true);
    assert.equal(isNothingDone(something), false);
  });
  it('takes no other failure for that', () => {
    for (const thrown of [new CofferError('unavailable', 'no'), new Told(true), 'no', undefined]) {
      assert.equal(isNothingDone(thrown), false);
    }
  });
});

describe('mayStillLand', () => {
  it('is over when the time is, and where there was nothing to land', () => {
    assert.equal(mayStillLand(mayLandUntil()), true);
    assert.equal(mayStillLand(Date.now()), false);
    assert.equal(mayStillLand(undefined), false);
  });
});
