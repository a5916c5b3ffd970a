/** docs/cli.md is made from the command line's own tables, which know every command of Vault, and its examples are executed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ARGUMENT_CANDIDATES,
  AUTH_TYPES,
  ENGINE_TYPES,
  FLAG_CANDIDATES,
  listCommands,
  MISSING_COMMANDS,
  VAULT_COMMANDS,
  wantsSudo,
} from '@coffer/cli';
import type { Path } from '@coffer/framework';
import { SERVER_COMMANDS } from '../apps/coffer/src/commands.ts';
import { vaultShell } from './docs-shell.ts';
import { blocksOf, executedBlocks } from './documentation.ts';
import { openEveryEngine } from './every-engine.ts';
import { checkGenerated } from './generated-docs.ts';

const PAGE = 'docs/cli.md';
const commands = listCommands(SERVER_COMMANDS);
const names = new Set(commands.map(({ name }) => name));
const isMissing = (name: string): boolean =>
  MISSING_COMMANDS.some(({ command }) => `${name} `.startsWith(`${command} `));

describe('the table of commands', () => {
  it('has each command of Vault: here, or missing with a reason', () => {
    for (const name of VAULT_COMMANDS) assert.notEqual(names.has(name), isMissing(name), name);
    assert.equal(new Set(VAULT_COMMANDS).size, VAULT_COMMANDS.length);
  });

  it('calls nothing missing that Vault does not have, or that is here', () => {
    for (const { command } of MISSING_COMMANDS) {
      assert.ok(
        VAULT_COMMANDS.some((name) => `${name} `.startsWith(`${command} `)),
        command,
      );
      for (const name of names) assert.ok(!`${name} `.startsWith(`${command} `), `${name} is here`);
    }
  });

  it('is in the page', async () => {
    const row = ({ name, command }: (typeof commands)[number]) => `| \`${name}\` | ${command.synopsis} |`;
    const rows = (same: boolean) =>
      commands
        .filter(({ name }) => VAULT_COMMANDS.includes(name) === same)
        .map(row)
        .sort();
    const table = (titles: string, lines: readonly string[]) =>
      [titles, titles.replace(/[^|]+/g, ' --- '), ...lines].join('\n');
    await checkGenerated('cli.md', 'same commands', table('| command | |', rows(true)));
    await checkGenerated('cli.md', 'more commands', table('| command | |', rows(false)));
    const missing = MISSING_COMMANDS.map(
      ({ command, reason, instead }) => `| \`${command}\` | ${reason} | ${instead} |`,
    );
    await checkGenerated('cli.md', 'missing commands', table('| command | why | what to do |', missing));
  });
});

describe('docs/cli.md', () => {
  it('prints what it says, without a server', async () => {
    const blocks = blocksOf(PAGE);
    for (const { text } of executedBlocks(PAGE, import.meta.filename)) {
      const answer = blocks[blocks.findIndex((block) => block.text === text) + 1];
      assert.equal(await vaultShell(text, { address: 'http://127.0.0.1:8200', token: 'never-shown' }), answer?.text);
    }
  });
});

describe('completion', () => {
  it('knows what each command takes, and no command that is not there', () => {
    const taking = commands.filter(({ command }) => command.arguments.max !== 0).map(({ name }) => name);
    assert.deepEqual(Object.keys(ARGUMENT_CANDIDATES).sort(), taking.sort());
  });

  it('knows flags that are there', () => {
    for (const key of Object.keys(FLAG_CANDIDATES)) {
      const words = key.split(' ');
      const flag = words.pop() ?? '';
      const path = words.join(' ');
      const taking = commands.filter(({ name, command }) => (path === '' || name === path) && flag in command.flags);
      assert.ok(taking.length > 0 || /^(ca-cert|ca-path|client-cert|client-key|format|read format)$/.test(key), key);
    }
  });
});

describe('what the command line knows of the server', () => {
  it('are its engines, its auth methods and the paths that want sudo', async () => {
    const { core, close } = await openEveryEngine();
    try {
      const types = (auth: boolean) => core.services.mounts.list(auth).map(({ type }) => type);
      for (const type of AUTH_TYPES) if (!/^(oidc|plugin)$/.test(type)) assert.ok(types(true).includes(type), type);
      for (const type of ENGINE_TYPES) if (type !== 'plugin') assert.ok(types(false).includes(type), type);
      for (const mount of ['sys/', 'auth/token/']) {
        const paths: readonly Path[] = core.services.mounts.route(mount)?.engine.paths ?? [];
        for (const { pattern, sudo } of paths) {
          const sample = `${mount}${pattern.replaceAll(/:\w+\*?/g, 'x')}`;
          if (sudo !== false) assert.ok(wantsSudo(sample), `${sample} wants sudo`);
        }
      }
    } finally {
      await close();
    }
  });
});
