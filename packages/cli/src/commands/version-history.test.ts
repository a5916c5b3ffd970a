import { it } from 'node:test';
import { checkRequest } from '../cli-fixture.ts';

it('version-history prints versions with the time since when', () =>
  checkRequest({
    argv: ['version-history'],
    request: ['GET', '/v1/sys/version-history?list=true'],
    answer: {
      status: 200,
      body: {
        data: {
          keys: ['1.2.0'],
          key_info: {
            '1.2.0': { timestamp_installed: '2026-11-29T06:33:29Z', previous_version: null, build_date: '' },
          },
        },
      },
    },
    stdout:
      'Version    Installation Time       Build Date\n-------    -----------------       ----------\n1.2.0      2026-11-29T06:33:29Z    n/a\n',
  }));
