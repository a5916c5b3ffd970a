/** The configuration and API references are made from the tables that the server itself runs on. */
import { describe, it, after, before } from 'node:test';
import type { Core } from '@coffer/core';
import type { FieldSchema, Path } from '@coffer/framework';
import { YSQL_FIELDS, type YsqlField } from '@coffer/ysql';
import { openEveryEngine } from './every-engine.ts';
import { checkGenerated } from './generated-docs.ts';

describe('the references', () => {
  let core: Core;
  let close: () => Promise<void>;

  before(async () => {
    ({ core, close } = await openEveryEngine());
  });
  after(() => close());

  const paths = (mount: string): readonly Path[] => core.services.mounts.route(mount)?.engine.paths ?? [];

  it('name every field of a connection', async () => {
    const config = paths('database/').find(({ pattern }) => pattern === 'config/:name');
    await checkGenerated('database/configuration.md', 'engine fields', fieldTable(config?.fields ?? {}));
    const rows = (YSQL_FIELDS as readonly YsqlField[]).map(
      (field) => `| \`${field.name}\` | ${kindOf(field)} | ${defaultOf(field.default)} | ${cell(field.description)} |`,
    );
    await checkGenerated(
      'database/configuration.md',
      'plugin fields',
      ['| field | type | default | |', '| --- | --- | --- | --- |', ...rows].join('\n'),
    );
  });

  it('name every path', async () => {
    for (const mount of [
      'database/',
      'sys/',
      'cubbyhole/',
      'identity/',
      'auth/token/',
      'auth/approle/',
      'auth/cert/',
      'auth/jwt/',
      'auth/kubernetes/',
      'auth/userpass/',
    ]) {
      await checkGenerated(
        'api.md',
        `paths of ${mount}`,
        paths(mount)
          .map((path) => describePath(mount, path))
          .join('\n\n'),
      );
    }
  });
});

function kindOf(field: YsqlField): string {
  const choices = field.choices?.map((choice) => `\`${choice}\``).join(', ');
  const range = field.range === undefined ? '' : `, ${field.range[0]} to ${field.range[1]}`;
  return `${choices ?? `${field.type}${range}`}${field.secret === true ? ', secret' : ''}`;
}

function defaultOf(value: unknown): string {
  if (value === undefined) return '';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function cell(text: string): string {
  return text.replaceAll(/[|<]/g, '\\$&').replaceAll('\n', ' ').replaceAll('{{', '`{{').replaceAll('}}', '}}`');
}

function fieldTable(fields: FieldSchema): string {
  const rows = Object.entries(fields).map(
    ([name, field]) =>
      `| \`${name}\` | ${field.type} | ${field.required === true ? 'required' : defaultOf(field.default)} | ${cell(field.description)} |`,
  );
  return ['| field | type | default | |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

const METHODS = { read: 'GET', write: 'POST', delete: 'DELETE', list: 'LIST' } as const;

function describePath(mount: string, path: Path): string {
  const methods = path.operations
    .map((operation) => METHODS[operation] + (path.sudo === operation ? ' (needs `sudo`)' : ''))
    .join(', ');
  const notes = [...(path.unauthenticated ? ['no token needed'] : []), ...(path.sudo === true ? ['needs `sudo`'] : [])];
  return [
    `### \`/v1/${mount}${path.pattern.replaceAll('*', '')}\``,
    '',
    `${methods}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}. ${path.synopsis} ${path.description}`.trim(),
    ...(Object.keys(path.fields).length > 0 ? ['', fieldTable(path.fields)] : []),
  ].join('\n');
}
