import { expect, it } from 'vitest';
import type { ExitName } from '../failure.js';
import { type Answers, exitOfAnswers } from './ask-agents.js';

const silent = (...exits: ExitName[]) =>
  exits.map((exit) => ({ failure: { parts: { exit } } })) as unknown as Answers<unknown>['silent'];

it.each<[string, number, ExitName[], ExitName]>([
  ['everybody answers', 3, [], 'ok'],
  ['some answer', 1, ['unreachable', 'refused'], 'degraded'],
  ['all refuse', 0, ['refused', 'refused'], 'refused'],
  ['nobody may be trusted', 0, ['identity', 'identity'], 'identity'],
  ['nobody answers, for different reasons', 0, ['refused', 'unreachable'], 'unreachable'],
])('a question to all ends, where %s, with %d answers and %j: %s', (_name, answers, exits, exit) => {
  const answered = Array.from({ length: answers }, () => ({}));
  expect(exitOfAnswers({ answered, silent: silent(...exits) })).toBe(exit);
});
