/** Set up for every test file, also of those that share a process: what it has left is closed when it ends. */
import { afterAll } from 'vitest';
import { closeWorkspaces } from './workspace.js';

afterAll(closeWorkspaces, 60_000);
