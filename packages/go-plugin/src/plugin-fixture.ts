/** A plugin for the tests of this room: a real process with the real protocol and no service of its own. */
import { writeSync } from 'node:fs';
import { createLogger, formatHclogLine, LOG_LEVELS } from '@coffer/base';
import { FIXTURE_COOKIE } from './launch-fixture.ts';
import { serve } from './serve.ts';

const logger = createLogger('fixture', 'trace', (entry) => process.stderr.write(formatHclogLine(entry)));
const behaviour = process.env['FIXTURE_BEHAVIOUR'];

if (behaviour === 'no-license') {
  process.stderr.write('[ERROR] no license found\n');
  process.exit(3);
}
if (behaviour === 'garbage') writeSync(1, 'hello, I am no plugin\n');
if (behaviour === 'garbage' || behaviour === 'silent') {
  setInterval(() => undefined, 1000);
} else {
  const services = (multiplexed: boolean) => () => ({ multiplexed, services: [] });
  await serve({
    cookie: FIXTURE_COOKIE,
    versions: { 5: services(false), 6: services(true) },
    logger,
    onStop: async () => {
      if (behaviour === 'stubborn') for (;;);
    },
  });
  for (const level of LOG_LEVELS) logger[level](`a line at ${level}`, { attempt: 7 });
  process.stdout.write('printed after the handshake\n');
}
