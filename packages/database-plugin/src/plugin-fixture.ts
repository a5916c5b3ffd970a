/** A database plugin for the tests of this room: the real server around a database in memory. */
import { createLogger, formatHclogLine, type Logger } from '@coffer/base';
import { serve } from '@coffer/go-plugin';
import type { Database } from './database.ts';
import { MEMORY } from './database-fixture.ts';
import { DATABASE_COOKIE, serveDatabase } from './serve-database.ts';

const logger = createLogger('fixture', 'trace', (entry) => process.stderr.write(formatHclogLine(entry)));

/** Without the naming extension, as a foreign plugin. */
function withoutNaming(database: Database): Database {
  return {
    initialize: (request) => database.initialize(request),
    newUser: (request) => database.newUser(request),
    updateUser: (request) => database.updateUser(request),
    deleteUser: (request) => database.deleteUser(request),
    type: () => database.type(),
    close: () => database.close(),
  };
}

/** As somebody else's plugin: it has none of our services, and its errors and log lines are as they come. */
async function serveForeign(): Promise<void> {
  const [{ databaseServices }, { Instances }] = await Promise.all([
    import('./database-service.ts'),
    import('./instances.ts'),
  ]);
  const all = databaseServices(new Instances(() => MEMORY.create(logger), true), '', logger);
  const services = all.filter(({ description }) => !description.typeName.startsWith('coffer.'));
  await serve({ cookie: DATABASE_COOKIE, versions: { 6: async () => ({ multiplexed: true, services }) }, logger });
}

const plain = process.env['FIXTURE_NAMING'] === 'off';
const kind = plain ? { ...MEMORY, create: (to: Logger) => withoutNaming(MEMORY.create(to)) } : MEMORY;
if (process.env['FIXTURE_FOREIGN'] === 'on') await serveForeign();
else await serveDatabase(async () => kind, { logger, version: process.env['FIXTURE_VERSION'] ?? 'v1.2.3' });
