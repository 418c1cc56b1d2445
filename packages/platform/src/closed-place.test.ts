import { expect, test } from 'vitest';
import { closedPlace, closedPlaceOf } from './closed-place.js';

// As a process in a unit with ProtectSystem=yes, ProtectHome=yes and PrivateTmp=yes sees them.
const mounts = `
538 435 0:89 / / rw,relatime shared:1 - overlay overlay rw,lowerdir=/x
602 538 0:24 /systemd/inaccessible/dir /home ro,nosuid,nodev,noexec shared:2 - tmpfs tmpfs rw,mode=755
603 538 0:24 /systemd/inaccessible/dir /root ro,nosuid,nodev,noexec shared:2 - tmpfs tmpfs rw,mode=755
604 538 0:89 /tmp/systemd-private-4c1d-etcd-agent.service-uV2kz1/tmp /tmp rw,relatime - overlay overlay rw
605 538 0:89 /usr /usr ro,relatime - overlay overlay rw,lowerdir=/x
606 605 0:89 /usr/local/lib/etcd-agent /usr/local/lib/etcd-agent rw,relatime - overlay overlay rw
607 538 8:17 / /data rw,relatime - ext4 /dev/sdb1 rw
608 538 8:18 / /boot/rescue ro,relatime - ext4 /dev/sdb2 ro
`;

test.each([
  ['/home', { setting: 'ProtectHome', mountPoint: '/home' }],
  ['/home/etcd', { setting: 'ProtectHome', mountPoint: '/home' }],
  ['/root/etcd', { setting: 'ProtectHome', mountPoint: '/root' }],
  ['/tmp/etcd', { setting: 'PrivateTmp', mountPoint: '/tmp' }],
  ['/usr/local/etcd', { setting: 'ProtectSystem', mountPoint: '/usr' }],
  ['/usr/local/lib/etcd-agent/etcd', undefined],
  ['/var/lib/etcd', undefined],
  ['/homes/etcd', undefined],
  ['/data/etcd', undefined],
  // Read-only for everybody: opening the unit would not help.
  ['/boot/rescue/etcd', undefined],
])('%s: %j', (path, closed) => {
  expect(closedPlace(mounts, path)).toEqual(closed);
});

test('outside a sandbox nothing is closed', async () => {
  expect(await closedPlaceOf('/var/lib/no-such-directory/etcd')).toBeUndefined();
});
