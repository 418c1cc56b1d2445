/**
 * Every row of healing on the version of etcd that is asked for, and on no other: `ETCD_AGENT_TEST_ETCD=3.4.23 npm test -- heal-asked`.
 * The others have files of their own. 3.4.23 goes through most of this on booted hosts, which have Debian's.
 */
import { describe } from 'vitest';
import { usualVersion } from '../support/index.js';
import { tellDataRows } from '../worlds/loopback/data-rows.js';
import { tellFiveRows } from '../worlds/loopback/five-rows.js';
import { tellInterruptedRows } from '../worlds/loopback/interrupted-rows.js';
import { tellProcessRows } from '../worlds/loopback/process-rows.js';

describe('data', () => tellDataRows(usualVersion, { swapped: true }));
describe('processes', () => tellProcessRows(usualVersion));
describe('interruptions', () => tellInterruptedRows(usualVersion));
describe('five members', () => tellFiveRows(usualVersion));
