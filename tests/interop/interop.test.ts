/**
 * `dist/ysql-plugin` and `dist/ysql-plugin.cjs` under HashiCorp's own host code: Vault's plugin runner, its dbplugin
 * client and go-plugin, in the Go program `host/`. Go is needed to build it.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { databaseCases } from './database-cases.ts';
import { buildGoPrograms } from './go-programs.ts';
import { type Cluster, PluginUnderTest, startCluster } from './plugin-under-test.ts';
import { processCases } from './process-cases.ts';
import { secretsIn } from './secrets.ts';

const programs = buildGoPrograms();
if ('missing' in programs) {
  it(programs.missing, { skip: true });
} else {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.stop());

  for (const artefact of ['ysql-plugin', 'ysql-plugin.cjs']) {
    describe(`${artefact} under Vault's host code`, () => {
      let ysql: PluginUnderTest;
      const startAnother = () => PluginUnderTest.start(artefact, programs, cluster);
      before(async () => {
        ysql = await startAnother();
      });
      after(() => ysql.host.stop());

      describe('protocol 6', () => databaseCases(() => ysql, 'ysql', 6));
      describe('protocol 5', () => databaseCases(() => ysql, 'ysql-5', 5));
      describe('its process', () => processCases(() => ysql, startAnother));

      it('never had to be killed, and showed no password', () => {
        const { log, errors } = ysql.host;
        assert.deepEqual(
          log.filter(({ message }) => /failed to exit gracefully|error closing client/.test(message)),
          [],
        );
        assert.ok(log.length > 100 && errors.length > 20, 'there is something to look through');
        assert.deepEqual(secretsIn([...log.map(({ line }) => line), ...errors]), []);
      });
    });
  }
}
