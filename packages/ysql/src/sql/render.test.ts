import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCofferError } from '@coffer/base';
import { namesUser, renderStatement } from './render.ts';

const awkward = {
  name: `a"b'c\\d`,
  username: `a"b'c\\d`,
  password: `p'q"r\\s{{name}}$$é`,
  expiration: '2026-01-02T15:04:05Z',
};

describe('renderStatement', () => {
  it('escapes for a literal, and never expands a value again', () => {
    assert.equal(renderStatement(`PASSWORD '{{password}}'`, awkward), `PASSWORD E'p''q"r\\\\s{{name}}$$é'`);
    assert.equal(renderStatement(`PASSWORD '{{password}}'`, { password: `p'q` }), `PASSWORD 'p''q'`);
  });
  it('gives a value with a backslash a literal that reads the same whatever standard_conforming_strings is', () => {
    const values = { name: `\\'; CREATE ROLE x; --` };
    const literal = `E'\\\\''; CREATE ROLE x; --'`;
    assert.equal(renderStatement(`SELECT f('{{name}}')`, values), `SELECT f(${literal})`);
    assert.equal(renderStatement(`SELECT a LIKE'{{name}}'`, values), `SELECT a LIKE ${literal}`);
    assert.equal(renderStatement(`SELECT N'{{name}}'`, values), `SELECT NCHAR ${literal}`);
    assert.equal(renderStatement(`SELECT 'a\\b{{name}}'`, { name: '\\' }), `SELECT E'a\\\\b\\\\'`);
    assert.equal(renderStatement(`SELECT 'a\\b{{name}}'`, { name: 'c' }), `SELECT E'a\\\\bc'`);
  });
  it('escapes for an E literal', () => {
    assert.equal(renderStatement(`PASSWORD E'{{name}}'`, awkward), `PASSWORD E'a"b''c\\\\d'`);
  });
  it('escapes for U& forms', () => {
    assert.equal(renderStatement(`U&'{{name}}' U&"{{name}}"`, awkward), `U&'a"b''c\\\\d' U&"a""b'c\\\\d"`);
  });
  it('escapes for an identifier', () => {
    assert.equal(renderStatement(`CREATE ROLE "{{name}}"`, awkward), `CREATE ROLE "a""b'c\\d"`);
  });
  it('puts a value as it is where it is all of a dollar quote', () => {
    const password = `-p'q"r\\s$x`;
    assert.equal(renderStatement('PASSWORD $${{password}}$$', { password }), `PASSWORD $$${password}$$`);
    assert.equal(renderStatement('DO $a$ f($${{name}}$$) $a$', { name: '-a' }), 'DO $a$ f($$-a$$) $a$');
    for (const value of ['a$$b', '$', 'a$', '$$']) {
      const template = 'PASSWORD $${{password}}$$';
      assert.throws(
        () => renderStatement(template, { password: value }),
        /contains the text \$\$, which would end/,
        value,
      );
    }
  });
  it('puts safe values where no quotes are', () => {
    assert.equal(
      renderStatement('x {{expiration}};{{name}}', { ...awkward, name: 'v-root-1' }),
      'x 2026-01-02T15:04:05Z;v-root-1',
    );
  });
  it('refuses unsafe values where no quotes are, without repeating them', () => {
    assert.throws(
      () => renderStatement('CREATE ROLE {{name}}', awkward),
      (error) => isCofferError(error, 'invalid-request') && !error.message.includes(awkward.name),
    );
  });
  it('refuses values outside quotes that change what stands beside them', () => {
    const values = { name: 'E', username: 'x--', password: "\\' OR true --" };
    for (const template of [`SELECT {{name}}'{{password}}'`, `DO $$ BEGIN x {{name}}'{{password}}'; END $$`])
      assert.throws(() => renderStatement(template, values), /would change the text next to it/, template);
    for (const template of [`CREATE ROLE {{username}} PASSWORD '{{password}}'`, 'DO $$ CREATE ROLE {{username}}; $$'])
      assert.throws(() => renderStatement(template, values), /characters that are not safe there/, template);
    assert.throws(() => renderStatement('DO ${{name}}$ x ${{name}}$', values), /in the tag of a dollar quote/);
  });
  it('escapes for a literal that goes on', () => {
    assert.equal(
      renderStatement(`SELECT E'a' -- {{password}}\n '{{password}}'`, { password: `\\'` }),
      `SELECT E'a' -- {{password}}\n '\\\\'''`,
    );
  });
  it('gives every part of such a literal the same escapes', () => {
    const values = { name: '\\', password: `p'` };
    assert.equal(
      renderStatement(`SELECT 'a\\' -- c\n '{{name}}'\n'{{password}}'`, values),
      `SELECT E'a\\\\' -- c\n '\\\\'\n'p'''`,
    );
    assert.equal(renderStatement(`SELECT '{{password}}' '{{name}}'`, values), `SELECT 'p''' E'\\\\'`);
  });
  it('reads a dollar-quoted block as SQL', () => {
    assert.equal(
      renderStatement(`DO $x$ BEGIN CREATE ROLE "{{name}}" PASSWORD '{{password}}'; END $x$`, awkward),
      `DO $x$ BEGIN CREATE ROLE "a""b'c\\d" PASSWORD E'p''q"r\\\\s{{name}}$$é'; END $x$`,
    );
  });
  it('refuses a value that would end the block it stands in', () => {
    assert.throws(() => renderStatement(`DO $$ x '{{password}}' $$`, awkward), /would end its quoted block/);
  });
  it('leaves comments, and what only looks like a placeholder, alone', () => {
    assert.equal(
      renderStatement(`-- {{password}}\n'{{1,2},{3,4}}' '{{other}}'`, {}),
      `-- {{password}}\n'{{1,2},{3,4}}' '{{other}}'`,
    );
  });
  it('refuses a placeholder without a value, and a NUL', () => {
    assert.throws(() => renderStatement(`'{{password}}'`, { name: 'x' }), /\{\{password\}\} has no value/);
    assert.throws(() => renderStatement(`'{{name}}'`, { name: 'x\0' }), /NUL/);
  });
  it('refuses a placeholder among escapes of the statement’s own choosing, and a NUL in the statement', () => {
    for (const template of [
      `CREATE ROLE U&"{{name}}" UESCAPE '!'`,
      `SELECT u&'{{name}}' /* c */ uescape '!'`,
      `DO $$ BEGIN PERFORM U&'{{name}}' UESCAPE '!'; END $$`,
    ])
      assert.throws(() => renderStatement(template, { name: '!0022' }), /with UESCAPE; leave both out/, template);
    const without = `SELECT U&'!0041' UESCAPE '!', '{{name}}'`;
    assert.equal(renderStatement(without, { name: 'x' }), without.replace('{{name}}', 'x'));
    assert.throws(() => renderStatement('SELECT \0 1', {}), /contains a NUL character/);
  });
  it('survives a template with the mark character', () => {
    assert.equal(renderStatement(`'\uE000name\uE000{{name}}'`, { name: 'x' }), `'namex'`);
  });
});

describe('namesUser', () => {
  it('finds either placeholder', () => {
    assert.deepEqual(['{{name}}', '{{username}}', '{{password}}'].map(namesUser), [true, true, false]);
  });
});
