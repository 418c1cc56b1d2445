/** What a host says of its distribution. */
import { expect, it } from 'vitest';
import { hostFacts, memoryFacts, parseOsRelease } from './facts.js';

it.each([
  [
    'NAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n',
    'Debian GNU/Linux',
    '12',
  ],
  [
    'NAME="Rocky Linux"\nVERSION="9.4 (Blue Onyx)"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n',
    'Rocky Linux',
    '9.4',
  ],
  ["# testing has no number\nNAME='Debian GNU/Linux'\nVERSION_CODENAME=forky\n", 'Debian GNU/Linux', 'forky'],
  ['NAME=Gentoo\n', 'Gentoo', 'unknown'],
  ['', 'unknown', 'unknown'],
])('%j is %s %s', (text, distro, release) => {
  expect(parseOsRelease(text)).toEqual({ distro, release });
});

it('this host is known: its own release, and memory that is more than this process has', async () => {
  const { os, memoryBytes, bootId } = await hostFacts();
  expect(os).toMatchObject({
    platform: 'linux',
    arch: process.arch,
    kernel: expect.stringMatching(/^\d+\./),
  });
  expect(os.distro).not.toBe('unknown');
  expect(memoryBytes).toBeGreaterThan(process.memoryUsage.rss());
  expect(bootId).toMatch(/^[0-9a-f-]{36}$/);
});

it('of its memory some is available, and what is swapped out is counted', async () => {
  const { totalBytes, availableBytes, swapUsedBytes } = await memoryFacts();
  expect(availableBytes).toBeGreaterThan(0);
  expect(availableBytes).toBeLessThan(totalBytes);
  expect(swapUsedBytes).toBeGreaterThanOrEqual(0);
});
