import { describe, expect, test } from 'vitest';
import { checkSubject, subjectProblems } from './subject.js';

const good = {
  CN: 'etcd',
  names: [{ C: 'CN', ST: 'Beijing', L: 'Beijing', O: 'etcd', OU: 'etcd Security' }],
};

describe('a subject', () => {
  test("of the runbook is good, and so are cfssl's empty parts", () => {
    expect(subjectProblems(good)).toEqual([]);
    expect(subjectProblems({ CN: 'x', names: [{ C: '', O: '' }, {}] })).toEqual([]);
  });

  test('with a non-ASCII letter is refused, and the message names the field and the letter', () => {
    const subject = { CN: 'etcd', names: [{ ST: '北京' }, { O: 'Zoë' }] };
    expect(subjectProblems(subject)).toEqual([
      { path: 'names[0].ST', message: expect.stringContaining('U+5317') },
      { path: 'names[1].O', message: expect.stringContaining('U+00EB') },
    ]);
    expect(() => checkSubject(subject, 'the CA')).toThrow(/^bad subject of the CA:\n {2}names\[0\]\.ST: /);
  });

  test.each([
    [{ CN: '', names: [] }, 'CN', 'is empty'],
    [{ CN: '  ', names: [] }, 'CN', 'is empty'],
    [{ CN: 'a\nb', names: [] }, 'CN', 'U+000A'],
    [{ CN: 'a\u0000', names: [] }, 'CN', 'U+0000'],
    [{ CN: '😀', names: [] }, 'CN', 'U+1F600'],
    [{ CN: 'a'.repeat(65), names: [] }, 'CN', 'limit is 64'],
    [{ CN: 'a', names: [{ C: 'China' }] }, 'names[0].C', 'two-letter'],
    [{ CN: 'a', names: [{ OU: 'u'.repeat(65) }] }, 'names[0].OU', 'limit is 64'],
  ])('%j is refused', (subject, path, why) => {
    expect(subjectProblems(subject)).toEqual([{ path, message: expect.stringContaining(why) }]);
  });
});
