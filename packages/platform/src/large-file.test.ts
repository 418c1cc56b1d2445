import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { appendAt, sha256OfFile, switchLink } from './large-file.js';
import { temporaryDirectory } from './testing/scratch.js';

describe('a file in pieces', () => {
  it('grows by pieces that are for its end, and by no others', async () => {
    const path = join(temporaryDirectory(), 'part');
    expect(await appendAt(path, 0, Buffer.from('abc'))).toBe(3);
    expect(await appendAt(path, 0, Buffer.from('xyz'))).toBe(3);
    expect(await appendAt(path, 7, Buffer.from('xyz'))).toBe(3);
    expect(await appendAt(path, 3, Buffer.from('def'))).toBe(6);
    expect(readFileSync(path, 'utf8')).toBe('abcdef');
    expect(await sha256OfFile(path)).toBe(createHash('sha256').update('abcdef').digest('hex'));
  });

  it('is not written through a link', async () => {
    const directory = temporaryDirectory();
    symlinkSync(join(directory, 'elsewhere'), join(directory, 'part'));
    await expect(appendAt(join(directory, 'part'), 0, Buffer.from('x'))).rejects.toMatchObject({
      code: 'ELOOP',
    });
    expect(existsSync(join(directory, 'elsewhere'))).toBe(false);
  });
});

describe('the link to what is in use', () => {
  it('is made, and changes over to something else', async () => {
    const path = join(temporaryDirectory(), 'current');
    await switchLink(path, '3.5.16');
    await switchLink(path, '3.5.30');
    await switchLink(path, '3.5.30');
    expect(readlinkSync(path)).toBe('3.5.30');
  });

  it('is made although a run before was cut short half way', async () => {
    const directory = temporaryDirectory();
    symlinkSync('x', join(directory, '.current.new'));
    await switchLink(join(directory, 'current'), '3.5.30');
    expect(readlinkSync(join(directory, 'current'))).toBe('3.5.30');
  });

  it('never replaces a directory or a file of somebody else', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'd'));
    writeFileSync(join(directory, 'f'), 'kept');
    for (const name of ['d', 'f'])
      await expect(switchLink(join(directory, name), '3.5.30')).rejects.toMatchObject({ code: 'EEXIST' });
    expect(readFileSync(join(directory, 'f'), 'utf8')).toBe('kept');
  });
});
