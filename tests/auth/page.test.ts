/** Runs every command of docs/auth.md, in order, in one shell. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { TestIssuer } from './issuer.ts';
import { TestCluster } from './kubernetes-cluster.ts';
import { configure, startTestServer, type TestServer, connectionTo } from '../dev-server.ts';
import { vaultShell } from '../docs-shell.ts';
import { executedBlocks } from '../documentation.ts';
import { issuedRoles } from '../logins.ts';

describe('docs/auth.md', () => {
  let database: TestDatabase;
  let server: TestServer;
  let issuer: TestIssuer;
  let cluster: TestCluster;

  before(async () => {
    database = await databaseUnderTest();
    server = await startTestServer();
    [issuer, cluster] = await Promise.all([TestIssuer.start(), TestCluster.start()]);
    await configure(server.client, connectionTo(database));
  });
  after(async () => {
    await Promise.all([issuer.close(), cluster.close()]);
    await server.close();
    await database.stop();
  });

  it('does what it says', async () => {
    const commands = executedBlocks('docs/auth.md', import.meta.filename).map(({ text: code }) => code);
    assert.ok(commands.length >= 8);
    const stdout = await vaultShell(commands.join('\n'), {
      address: server.address,
      env: {
        ISSUER: issuer.url,
        ISSUER_CA: issuer.ca,
        JWT: issuer.sign({ sub: 'build', aud: 'coffer', repository: 'shop/web' }),
        KUBERNETES: cluster.url,
        KUBERNETES_CA: cluster.ca,
        REVIEWER_JWT: cluster.token('vault', 'vault'),
        POD_JWT: cluster.token('shop', 'web'),
      },
    });
    // Both users that the page made, the one that was handed over wrapped among them.
    const users = await issuedRoles(database);
    assert.equal(users.length, 2);
    for (const user of users) assert.ok(stdout.includes(user), user);
    assert.match(stdout, /token_meta_username +ana/);
    assert.match(stdout, /token_meta_service_account_name +web/);
    assert.match(stdout, /token_meta_role +ci/);
    assert.match(stdout, /token_policies +\["app" "default"\]/);
    assert.match(stdout, /creation_path +database\/creds\/my-first-role/);
    assert.match(stdout, /"keys":\["default"\]/);
  });
});
