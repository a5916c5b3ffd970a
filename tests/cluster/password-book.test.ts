/** The judge of static roles: histories of which everybody knows what is wrong. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { PasswordBook } from './password-book.ts';

describe('what is known of a static password', () => {
  let book: PasswordBook;
  const now = (): number => performance.now();
  beforeEach(() => (book = new PasswordBook('app')));

  it('lets each rotation replace it once', () => {
    assert.equal(book.saw('first', now()), undefined);
    book.beginRotation().answered();
    assert.equal(book.saw('second', now()), undefined);
    assert.equal(book.saw('second', now()), undefined);
  });

  it('finds one that was shown after a rotation that was answered', () => {
    book.saw('first', now());
    book.beginRotation().answered();
    assert.match(book.saw('first', now()) ?? '', /before a rotation that was answered/);
  });

  it('lets one be shown whose request or first sight was not before the rotation', () => {
    const early = now();
    book.saw('first', early);
    const rotation = book.beginRotation();
    assert.equal(book.saw('first', now()), undefined);
    rotation.answered();
    assert.equal(book.saw('first', early), undefined, 'asked for before');
    const other = book.beginRotation();
    book.saw('second', now());
    other.answered();
    assert.equal(book.saw('second', now()), undefined, 'set by this rotation');
  });

  it('finds one that came back', () => {
    book.beginRotation().unknown();
    for (const password of ['first', 'second']) assert.equal(book.saw(password, now()), undefined);
    assert.match(book.saw('first', now()) ?? '', /had been replaced/);
  });

  it('knows when its change may be under way', () => {
    const early = now();
    assert.equal(book.mayHaveChanged(early), false);
    const rotation = book.beginRotation();
    assert.equal(book.mayHaveChanged(now()), true);
    rotation.answered();
    assert.equal(book.mayHaveChanged(early), true);
    assert.equal(book.mayHaveChanged(now()), false);
    book.beginRotation().unknown();
    assert.equal(book.mayHaveChanged(now()), true);
  });
});
