/**
 * Three servers on one store, killed, stopped, cut off and started again, while 16 clients work at whichever node. `npm run
 * test:cluster` does the same for as long as it is told to.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { optionsFrom } from './options.ts';
import { runCluster } from './run.ts';
import { summary } from './summary.ts';

const SEED = 20_261_128;
const SHOWN = 10;

describe('many equal nodes', () => {
  it('answer as one, and lose nothing, whatever happens to some of them', { timeout: 240_000 }, async (test) => {
    const options = optionsFrom(process.env, {
      seconds: 25,
      seed: SEED,
      wholeTime: false,
      nemesis: { pauseMs: [300, 2_000], stopMs: [1_000, 12_000], freezeMs: [1_000, 6_000], awayMs: [0, 2_000] },
    });
    const result = await runCluster(options);
    const { findings, histories } = result;
    test.diagnostic(summary(options, result).replaceAll(/\n */g, ', ').replaceAll(/ +/g, ' '));
    const { violations } = findings;
    assert.ok(violations.length === 0, `${violations.slice(0, SHOWN).join('\n')}\nlogs of the nodes: ${result.logs}`);
    assert.equal(findings.counted('surfaced errors'), 0);
    // It was a test.
    for (const kind of Object.keys(options.nemesis.rates)) assert.ok(findings.counted(`faults/${kind}`) > 0, kind);
    for (const what of ['leases issued', 'leases renewed', 'leases revoked', 'static roles rotated']) {
      assert.ok(findings.counted(what) > 2, `${what}: ${findings.counted(what)}`);
    }
    // How many of them concern one key is up to chance and to how busy the machine is.
    const checked = histories.all.map((history) => history.checked);
    assert.ok(checked.length >= 16 && checked.every((count) => count > 0), checked.join(', '));
    assert.ok(checked.reduce((sum, count) => sum + count, 0) > 100, checked.join(', '));
  });
});
