/** A database plugin for the tests of this room: the real server around a database in memory. */
import { createLogger, formatHclogLine } from '@coffer/base';
import type { Database } from './database.ts';
import { MemoryDatabase } from './fixture-database.ts';
import { serveDatabase } from './serve-database.ts';

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

const plain = process.env['FIXTURE_NAMING'] === 'off';
const create = () => (plain ? withoutNaming(new MemoryDatabase()) : new MemoryDatabase());
await serveDatabase(async () => create, { logger, version: 'v1.2.3' });
