import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ownArchive } from './debian-mirror.mjs';

const folders = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A machine whose /etc/apt has these files. */
function machine(files, codename = 'bookworm') {
  const etcApt = mkdtempSync(join(tmpdir(), 'etc-apt-'));
  folders.push(etcApt);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(etcApt, name)), { recursive: true });
    writeFileSync(join(etcApt, name), text);
  }
  const osRelease = join(etcApt, 'os-release');
  writeFileSync(osRelease, codename ? `ID=debian\nVERSION_CODENAME=${codename}\n` : 'ID=debian\n');
  return { etcApt, osRelease };
}

describe('the mirror of this machine', () => {
  it('is read from the deb822 format, past comments, other stanzas and disabled ones', () => {
    const found = ownArchive(
      machine({
        'sources.list.d/debian.sources': [
          'Types: deb\nEnabled: no\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main',
          'Types: deb-src\nURIs: http://src.example/debian\nSuites: bookworm\nComponents: main',
          '# a comment\nTypes: deb deb-src\n# another\nURIs: http://mirror.example/debian\nSuites: bookworm-updates\n bookworm\nComponents: main contrib\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg',
        ].join('\n\n'),
      }),
    );
    expect(found).toEqual({
      uri: 'http://mirror.example/debian',
      suite: 'bookworm',
      components: ['main', 'contrib'],
      keyrings: ['/usr/share/keyrings/debian-archive-keyring.gpg'],
    });
  });

  it('is read from sources.list, past the installation medium, comments and the security archive', () => {
    const found = ownArchive(
      machine({
        'sources.list': [
          'deb cdrom:[Debian GNU/Linux 12 _Bookworm_]/ bookworm main',
          'deb cdrom:[Debian-12]/ bookworm main',
          '# deb http://commented.example/debian bookworm main',
          'deb http://security.example/debian-security bookworm-security main',
          'deb [arch=amd64 signed-by=/etc/keys/a.gpg] http://mirror.example/debian bookworm main non-free # mine',
        ].join('\n'),
      }),
    );
    expect(found).toEqual({
      uri: 'http://mirror.example/debian',
      suite: 'bookworm',
      components: ['main', 'non-free'],
      keyrings: ['/etc/keys/a.gpg'],
    });
  });

  it("is the distribution's own although another vendor's archive of the same suite name sorts first", () => {
    const stanza = (uri, key) =>
      `Types: deb\nURIs: ${uri}\nSuites: bookworm\nComponents: main\nSigned-By: /usr/share/keyrings/${key}.gpg\n`;
    const found = ownArchive(
      machine({
        'sources.list.d/a-vendor.sources': stanza('http://vendor.example/apt', 'vendor'),
        'sources.list.d/debian.sources': stanza('http://mirror.example/debian', 'debian-archive-keyring'),
      }),
    );
    expect(found?.uri).toBe('http://mirror.example/debian');
  });

  it('asks for the codename of the machine where its sources only say stable', () => {
    const sources = 'deb http://mirror.example/debian stable main\n';
    expect(ownArchive(machine({ 'sources.list': sources }))?.suite).toBe('bookworm');
    expect(ownArchive(machine({ 'sources.list': sources }, ''))?.suite).toBe('stable');
  });

  it('has the components of all its lines', () => {
    const sources =
      'deb http://mirror.example/ubuntu noble main\ndeb http://mirror.example/ubuntu noble universe\n';
    const found = ownArchive(machine({ 'sources.list': sources }, 'noble'));
    expect(found?.components).toEqual(['main', 'universe']);
  });

  it('is unknown on a machine without apt sources', () => {
    expect(ownArchive(machine({}))).toBeUndefined();
  });
});
