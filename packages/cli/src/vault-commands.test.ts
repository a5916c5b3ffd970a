import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runCli } from './cli-fixture.ts';
import { MISSING_COMMANDS } from './vault-commands.ts';

describe('a command of Vault that is not here', () => {
  for (const { command, reason, instead } of MISSING_COMMANDS) {
    it(`${command} is refused by name`, async () => {
      const words = command.split(' ');
      const text = `There is no "coffer ${command}" here: ${reason}\n${instead}\n`;
      const extra = { program: 'coffer' };
      const exitCode = words.length === 1 ? 127 : 1;
      for (const argv of [words, [...words, 'get', '-field=x', 'y'], ['-address=x', ...words]])
        assert.deepEqual(await runCli(argv, { extra }), { exitCode, stdout: '', stderr: text }, argv.join(' '));
      assert.deepEqual(await runCli([...words, '-h'], { extra }), { exitCode: 0, stdout: text, stderr: '' });
    });
  }

  it('does not hide those that are', async () => {
    assert.match((await runCli(['operator', 'raft'])).stderr, /^Usage: vault operator raft /);
    assert.match((await runCli(['plugin', 'runtimes'])).stderr, /^Usage: vault plugin /);
    assert.match((await runCli(['plugin', 'info', 'runtime'])).stderr, /^(Get|Error)/);
  });
});
