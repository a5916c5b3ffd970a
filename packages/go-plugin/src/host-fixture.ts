/** A host for the tests of this room: starts the fixture plugin, prints its process id, and waits to be ended. */
import { silentLogger } from '@coffer/base';
import { FIXTURE_COOKIE, FIXTURE_FILE } from './launch-fixture.ts';
import { launch } from './launch.ts';

const plugin = await launch({
  directory: process.argv[2] ?? '',
  path: FIXTURE_FILE,
  cookie: FIXTURE_COOKIE,
  protocolVersions: [5, 6],
  logger: silentLogger,
});
process.on('SIGTERM', () => process.exit(0));
process.stdout.write(`${plugin.pid}\n`);
