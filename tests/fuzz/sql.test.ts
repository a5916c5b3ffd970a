/** SQL is split and filled in as PostgreSQL reads it: no value leaves the quotes that its placeholder stands in. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isCofferError } from '@coffer/base';
import { startPostgres, type TestPostgres } from '@coffer/testkit';
import { splitSql, type Token, tokenize } from '@coffer/ysql';
import fc from 'fast-check';
import pg from 'pg';
import { renderStatement } from '../../packages/ysql/src/sql/render.ts';
import { fuzz } from './fuzz-runs.ts';

const piece = fc.constantFrom(
  ...["'", '"', '$$', '$a$', '$', '--', '/*', '*/', '\n', ' ', ';', '(', ')', '\\', '{{name}}', "E'", 'U&"', "b'"],
  ...['CREATE', 'FUNCTION', 'BEGIN', 'ATOMIC', 'CASE', 'END', 'a', 'é', '1', '😀', ',', '+', "''", '""'],
);
const anySql = fc.oneof(
  fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary', maxLength: 40 }),
);
const noNul = (text: string): string => text.replaceAll('\0', '');
/** What a password or a name may be. */
const value = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.string({
      unit: fc.constantFrom(...`'"\\$;-/*()ax{}\n`, '$$', '--', '{{name}}', "';", '\\u0041'),
      maxLength: 12,
    }),
  )
  .map(noNul);

const significant = (tokens: readonly Token[]): string[] =>
  tokens.filter(({ kind, text }) => kind !== 'space' && kind !== 'comment' && text !== ';').map(({ text }) => text);

/** Tokens, or undefined for SQL that has a quote without end. */
function tokensOf(sql: string): readonly Token[] | undefined {
  try {
    return tokenize(sql);
  } catch (error) {
    if (!isCofferError(error, 'invalid-request')) throw error;
    assert.match(error.message, /^SQL statement: the quote or comment that starts at character \d+ has no end$/);
    return undefined;
  }
}

describe('any SQL', () => {
  it('is cut into tokens that joined give it again', () => {
    let cut = 0;
    fc.assert(
      fc.property(anySql, (sql) => {
        const tokens = tokensOf(sql);
        if (tokens === undefined) return;
        cut++;
        assert.equal(tokens.map(({ text }) => text).join(''), sql);
      }),
      fuzz(2_000),
    );
    assert.ok(cut > 0, 'some of it is whole');
  });

  it('is split into statements that keep everything significant', () => {
    fc.assert(
      fc.property(anySql, (sql) => {
        const tokens = tokensOf(sql);
        if (tokens === undefined) return;
        const statements = splitSql(sql);
        assert.deepEqual(
          statements.flatMap((statement) => significant(tokenize(statement))),
          significant(tokens),
        );
        for (const statement of statements) assert.deepEqual(splitSql(statement), [statement]);
      }),
      fuzz(2_000),
    );
  });

  it('is filled in or refused', () => {
    let filled = 0;
    fc.assert(
      fc.property(anySql, value, (sql, name) => {
        if (tokensOf(sql) === undefined) return;
        try {
          renderStatement(sql, { name });
          filled++;
        } catch (error) {
          if (!isCofferError(error, 'invalid-request')) throw error;
          assert.match(error.message, /^SQL statement: /);
        }
      }),
      fuzz(2_000),
    );
    assert.ok(filled > 0, 'some of it is filled in');
  });
});

describe('a value outside quotes', () => {
  it('changes no quote or comment beside it', () => {
    const bits = fc.constantFrom(
      ...['{{name}}', "'a'", '"b"', '$c$d$c$', '--e\n', '/*f*/', ' ', 'E', 'U&', '- ', '/', '$1 ', ','],
    );
    const bare = fc.string({ unit: fc.constantFrom(...'EUNXax1-+:._'), minLength: 1, maxLength: 4 });
    const quotes = (tokens: readonly Token[]): readonly Token[] =>
      tokens.filter(({ kind }) => kind !== 'word' && kind !== 'space' && kind !== 'other');
    let filled = 0;
    fc.assert(
      fc.property(fc.array(bits, { minLength: 1, maxLength: 8 }), bare, (pieces, name) => {
        const template = pieces.join('');
        // A word in the placeholder's place that means nothing by itself.
        const neutral = tokensOf(template.replaceAll('{{name}}', 'y'));
        try {
          const rendered = renderStatement(template, { name });
          filled++;
          assert.deepEqual(quotes(tokenize(rendered)), quotes(neutral ?? []));
        } catch (error) {
          if (!isCofferError(error, 'invalid-request')) throw error;
        }
      }),
      fuzz(2_000),
    );
    assert.ok(filled > 0, 'some of them are filled in');
  });
});

/** One way to write a text in SQL, as the template's author writes it. */
interface Quote {
  readonly open: string;
  readonly close: string;
  readonly write: (text: string) => string;
}
const doubled =
  (quote: string) =>
  (text: string): string =>
    text.replaceAll(quote, quote + quote);
const QUOTES: readonly Quote[] = [
  { open: "'", close: "'", write: doubled("'") },
  { open: "E'", close: "'", write: (text) => text.replace(/[\\']/g, '\\$&') },
  { open: "U&'", close: "'", write: (text) => doubled("'")(text.replaceAll('\\', '\\\\')) },
];
/** Placeholders cannot be written by the author: only text around them, without what would read as one. */
const around = value.map((text) => text.replaceAll('{', '').replaceAll('}', '').replaceAll('\uE000', ''));

interface Literal {
  readonly template: string;
  readonly expected: string;
  readonly password: string;
}
const literal: fc.Arbitrary<Literal> = fc
  .tuple(fc.constantFrom(...QUOTES), around, value, around)
  .map(([{ open, close, write }, left, password, right]) => ({
    template: `${open}${write(left)}{{password}}${write(right)}${close}`,
    expected: `${left}${password}${right}`,
    password,
  }));
/** A literal without a placeholder, and what it says. */
const written = fc.oneof(
  fc
    .tuple(fc.constantFrom(...QUOTES), value)
    .map(([{ open, close, write }, text]) => [`${open}${write(text)}${close}`, text] as const),
  value.filter((text) => !text.includes('$')).map((text) => [`$x$${text}$x$`, text] as const),
);
const separator = fc.constantFrom(' ', '\n', " /* {{name}} ; ' */ ", ' -- it\'s; "\n', ' /* a /* ; */ b */ ');

describe('PostgreSQL', () => {
  let server: TestPostgres;
  let client: pg.Client;
  before(async () => {
    server = await startPostgres({ ybServers: false });
    const { host, port, user, password, database } = server;
    client = new pg.Client({ host, port, user, password, database });
    client.on('error', () => undefined);
    await client.connect();
  });
  after(async () => {
    await client.end();
    await server.stop();
  });
  const valueOf = async (sql: string): Promise<unknown> => {
    const { rows, fields } = await client.query<unknown[]>({ text: sql, rowMode: 'array' });
    assert.equal(fields.length, 1);
    return rows[0]?.[0];
  };

  it('reads the value out of every kind of literal', async () => {
    await fc.assert(
      fc.asyncProperty(literal, separator, async ({ template, expected, password }, space) => {
        const sql = renderStatement(`SELECT${space}${template}${space}`, { password });
        assert.equal(await valueOf(sql), expected);
      }),
      fuzz(300),
    );
  });

  it('reads the values out of a literal that goes on in the next line', async () => {
    const newline = fc.constantFrom('\n', ' \r\n\t', " -- it's {{password}}\n", '\n-- a\n  -- "b\n');
    const parts = fc.tuple(fc.constantFrom(...QUOTES), around, around, newline, value);
    await fc.assert(
      fc.asyncProperty(parts, async ([{ open, close, write }, left, right, space, password]) => {
        const template = `${open}${write(left)}{{password}}${close}${space}'${write(right)}{{password}}'`;
        const sql = renderStatement(`SELECT ${template}`, { password });
        assert.equal(await valueOf(sql), left + password + right + password);
      }),
      fuzz(200),
    );
  });

  it('reads the value out of a literal inside a DO block', async () => {
    await fc.assert(
      fc.asyncProperty(literal, async ({ template, expected, password }) => {
        const block = `DO $tag$ BEGIN PERFORM set_config('fuzz.value', ${template}, false); END $tag$`;
        await client.query(renderStatement(block, { password }));
        assert.equal(await valueOf("SELECT current_setting('fuzz.value')"), expected);
      }),
      fuzz(200),
    );
  });

  it('reads the value out of an identifier', async () => {
    const name = value.filter((text) => text !== '' && Buffer.byteLength(text) <= 63);
    await fc.assert(
      fc.asyncProperty(name, fc.constantFrom('"{{name}}"', 'U&"{{username}}"'), async (text, template) => {
        const sql = renderStatement(`SELECT 1 AS ${template}`, { name: text, username: text });
        const { fields } = await client.query({ text: sql, rowMode: 'array' });
        assert.deepEqual(
          fields.map((field) => field.name),
          [text],
        );
      }),
      fuzz(200),
    );
  });

  it('runs the statements of a split text one by one to the same values', async () => {
    const statements = fc.array(fc.tuple(written, separator), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(statements, separator, async (all, after_) => {
        const texts = all.map(([[sql], before_]) => `${before_}SELECT ${sql}${after_}`);
        const split = splitSql(`;${texts.join(';')};${after_};`);
        assert.equal(split.length, all.length);
        for (const [i, sql] of split.entries()) assert.equal(await valueOf(sql), all[i]?.[0][1]);
      }),
      fuzz(100),
    );
  });
});
